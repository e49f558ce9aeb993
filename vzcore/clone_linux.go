package vzcore

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// clone makes to a file that shares the blocks of from.
func clone(to, from string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(unix.IoctlFileClone(int(target.Fd()), int(source.Fd())), target.Close())
}
