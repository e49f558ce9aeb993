package macos

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/macos/provision"
)

// Files are those of a guest: its disk, and beside it what makes it that machine.
type Files struct{ Dir string }

// Disk is the guest's disk, a sparse raw image.
func (f Files) Disk() string { return filepath.Join(f.Dir, "disk.img") }

// HardwareModel is the model that macOS was installed for, as the framework encodes it.
func (f Files) HardwareModel() string { return filepath.Join(f.Dir, "disk.hwmodel") }

// MachineID is what macOS makes its serial number from. Two machines with the same one may
// not run at once.
func (f Files) MachineID() string { return filepath.Join(f.Dir, "disk.machineid") }

// Aux is the auxiliary storage: the guest's NVRAM.
func (f Files) Aux() string { return filepath.Join(f.Dir, "disk.aux") }

// PasswordFile holds the password of the user that provisioning makes, for the owner's
// eyes only.
func (f Files) PasswordFile() string { return filepath.Join(f.Dir, "disk.password") }

// mark says by being there that the guest was provisioned.
func (f Files) mark() string { return filepath.Join(f.Dir, "disk.provisioned") }

// Provisioned tells whether the guest has vz's agent, and the user of [Provision].
func (f Files) Provisioned() bool {
	_, err := os.Lstat(f.mark())
	return err == nil
}

// Password returns the password of the guest's user. The first call makes one; it is on
// the disk when the call returns, with mode 0600 and, where root makes it, the owner of
// the guest's disk.
func (f Files) Password() (string, error) {
	text, err := f.readPassword()
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	// Who is faster wins: there is one password, whoever asks.
	if err := f.keep(f.PasswordFile(), provision.NewPassword()); err != nil {
		return "", err
	}
	return f.readPassword()
}

// keep writes a line to a file, for the owner of the guest's disk, unless it is there.
func (f Files) keep(path, line string) error {
	owner, err := os.Stat(f.Disk())
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(f.Dir, ".new-") // has mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(next.Name())
	_, err = next.WriteString(line + "\n")
	if err == nil {
		err = errors.Join(chownLike(next, owner), next.Sync())
	}
	if err := errors.Join(err, next.Close()); err != nil {
		return err
	}
	if err := os.Link(next.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func (f Files) readPassword() (string, error) {
	info, err := os.Lstat(f.PasswordFile())
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return "", vzcontract.Errorf(vzcontract.ErrDenied, "%s can be read by others, or is no file (%v): chmod 600 it if its password is still a secret, else remove it", f.PasswordFile(), info.Mode())
	}
	text, err := os.ReadFile(f.PasswordFile())
	password := strings.TrimSuffix(string(text), "\n")
	if err == nil && password == "" {
		err = vzcontract.Errorf(vzcontract.ErrConflict, "%s is empty; remove it to get a new password", f.PasswordFile())
	}
	return password, err
}
