package system

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// SetClock sets the guest's clock.
func SetClock(now time.Time) error {
	if now.Year() < 2000 || now.Year() > 2200 {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%s is no time of today", now.Format(time.RFC3339))
	}
	ts, err := unix.TimeToTimespec(now)
	if err != nil {
		return err
	}
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &ts); err != nil {
		return fmt.Errorf("set the clock: %w", err)
	}
	return nil
}

// Freeze brings the guest's file systems to a state that can be saved.
func Freeze() error {
	unix.Sync()
	return nil
}

// Thaw renews what req asks for.
func Thaw(req agentproto.ThawRequest) error {
	if len(req.Entropy) > 0 {
		if err := reseed(req.Entropy); err != nil {
			return err
		}
	}
	if !req.Now.IsZero() {
		if err := SetClock(req.Now); err != nil {
			return err
		}
	}
	if req.Machine != "" {
		if err := SetMachineID(req.Machine); err != nil {
			return err
		}
	}
	if req.Host != "" {
		return SetHostname(req.Host)
	}
	return nil
}

// SetHostname names the guest.
func SetHostname(name string) error {
	if !isHostname(name) {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%q is no host name", name)
	}
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("set the host name: %w", err)
	}
	return writeFile("/etc/hostname", name+"\n", 0o644)
}

// isHostname tells whether a name has 1 to 64 letters, digits, dots and dashes, with a
// letter or digit at both ends. Regular expressions cost an emulated guest 20 ms of its
// boot.
func isHostname(name string) bool {
	const ends = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return name != "" && len(name) <= 64 && strings.Trim(name, ends+".-") == "" &&
		strings.ContainsAny(name[:1], ends) && strings.ContainsAny(name[len(name)-1:], ends)
}

// SetMachineID writes the id by which programs tell machines apart.
func SetMachineID(id string) error {
	if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%q is no machine id: it has 32 hexadecimal digits", id)
	}
	return writeFile("/etc/machine-id", id+"\n", 0o444)
}

func writeFile(path, text string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	next := path + ".new"
	if err := os.WriteFile(next, []byte(text), mode); err != nil {
		return err
	}
	return os.Rename(next, path)
}

// The requests of random(4).
const (
	rndAddEntropy  = 0x40085203
	rndReseedCRNG  = 0x5207
	maxEntropySize = 512
)

// reseed mixes entropy into the random pool and has the kernel start its generator
// anew from it, so that no two guests of one saved state draw the same numbers.
func reseed(entropy []byte) error {
	if len(entropy) > maxEntropySize {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%d bytes of entropy, at most %d are taken", len(entropy), maxEntropySize)
	}
	f, err := os.OpenFile("/dev/urandom", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	// struct rand_pool_info: bits, size, bytes
	info := binary.NativeEndian.AppendUint32(nil, uint32(8*len(entropy)))
	info = binary.NativeEndian.AppendUint32(info, uint32(len(entropy)))
	info = append(info, entropy...)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), rndAddEntropy, uintptr(unsafe.Pointer(&info[0]))); errno != 0 {
		return fmt.Errorf("add entropy: %w", errno)
	}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), rndReseedCRNG, 0); errno != 0 {
		return fmt.Errorf("re-seed the random generator: %w", errno)
	}
	return nil
}
