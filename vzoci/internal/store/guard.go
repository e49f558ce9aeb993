package store

import (
	"context"

	"golang.org/x/sys/unix"
)

// kind of lock.
type kind int

const (
	shared    kind = unix.LOCK_SH
	exclusive kind = unix.LOCK_EX
)

// guard takes the store's guard; see the package's documentation. It is only
// held for some renames, so that nobody waits long.
func (s *Store) guard(ctx context.Context, k kind) (release func(), err error) {
	l, err := acquire(ctx, s.path(fileGuard), k)
	if err != nil {
		return nil, err
	}
	return l.release, nil
}
