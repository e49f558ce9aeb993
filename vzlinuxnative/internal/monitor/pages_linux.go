package monitor

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// dropPages unmaps the pages of the program's own file that are only read: a
// start touches most of them, waiting only a few, which come back from the page
// cache when they are needed. See madvise(2), MADV_DONTNEED.
func dropPages() error {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return err
	}
	ranges, err := untouched(smaps, exe)
	if err = errors.Join(err, smaps.Close()); err != nil {
		return err
	}
	for _, r := range ranges {
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, r.from, r.to-r.from, unix.MADV_DONTNEED); errno != 0 {
			err = errors.Join(err, fmt.Errorf("madvise %x-%x: %w", r.from, r.to, errno))
		}
	}
	return err
}

// An extent is a range of addresses.
type extent struct{ from, to uintptr }

// untouched reads a /proc/PID/smaps and returns the ranges that map exe, cannot
// be written to, and have not been before they were protected: the loader
// writes to some.
func untouched(smaps io.Reader, exe string) ([]extent, error) {
	var found []extent
	var at extent
	candidate := false
	for lines := bufio.NewScanner(smaps); ; {
		if !lines.Scan() {
			return found, lines.Err()
		}
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) >= 5 && strings.Contains(fields[0], "-"):
			candidate = len(fields) == 6 && fields[5] == exe && (fields[1] == "r--p" || fields[1] == "r-xp")
			if _, err := fmt.Sscanf(fields[0], "%x-%x", &at.from, &at.to); err != nil {
				return nil, fmt.Errorf("line %q of smaps: %w", lines.Text(), err)
			}
		case candidate && len(fields) == 3 && fields[0] == "Anonymous:" && fields[1] == "0":
			found = append(found, at)
		}
	}
}
