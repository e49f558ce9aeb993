package store

import "golang.org/x/sys/unix"

// syncAll makes all that was written durable.
func (s *Store) syncAll() error {
	unix.Sync()
	return nil
}

func bootID() (string, error) { return unix.Sysctl("kern.bootsessionuuid") }
