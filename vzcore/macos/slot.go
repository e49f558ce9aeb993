package macos

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// MaxGuests is how many macOS guests a Mac runs at once: its kernel allows no more.
const MaxGuests = 2

// Slot takes one of the places for macOS guests that run, for name, until it is closed;
// it goes with the process too. Dir has a file for each place, whose lock is the place.
// Without a free one the error matches vzcontract.ErrUnavailable and says who has them.
func Slot(dir, name string) (io.Closer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	var others []string
	for i := range MaxGuests {
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("slot-%d", i)), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			if err = f.Truncate(0); err == nil {
				_, err = f.WriteString(name)
			}
			if err == nil {
				return f, nil
			}
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("take the place %s of a macOS guest: %w", f.Name(), err), f.Close())
		}
		other, err := io.ReadAll(io.LimitReader(f, 100))
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		others = append(others, string(other))
	}
	return nil, vzcontract.Errorf(vzcontract.ErrUnavailable, "a Mac runs %d macOS guests at once, and these run: %s; stop one with vz vm stop", MaxGuests, strings.Join(others, ", "))
}
