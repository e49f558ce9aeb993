//go:build linux

package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// write replaces the file so that a reader sees all of it or the old one. On a
// full disk it writes over the file, which has its room: who wants to stop or
// remove a container must be able to.
func write(file string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	// Writers hold the lock, so the name is nobody else's.
	temp := file + ".tmp"
	err = os.WriteFile(temp, data, 0o600)
	if err == nil {
		return os.Rename(temp, file)
	}
	_ = os.Remove(temp) // it may not even have come into being
	if isFull(err) && overwrite(file, data) == nil {
		return nil
	}
	return err
}

func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// overwrite puts data in place of what the file holds. The file does not become
// shorter: a reader must not see less than one document.
func overwrite(file string, data []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if more := int(st.Size()) - len(data); more > 0 {
		data = append(data, bytes.Repeat([]byte{' '}, more)...)
	}
	_, err = f.WriteAt(data, 0)
	return errors.Join(err, f.Close())
}
