package store

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// syncAll makes all that was written to the store's file system durable. One
// such call is cheaper than syncing the files of a layer one by one.
func (s *Store) syncAll() error {
	f, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return &os.PathError{Op: "syncfs", Path: s.dir, Err: err}
	}
	return nil
}

func bootID() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id)), err
}
