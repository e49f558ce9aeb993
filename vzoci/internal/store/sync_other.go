//go:build !linux && !darwin

package store

import (
	"fmt"
	"runtime"

	"vz.internal/vzcontract"
)

func (s *Store) syncAll() error { return nil }

func bootID() (string, error) {
	return "", fmt.Errorf("image store on %s: %w", runtime.GOOS, vzcontract.ErrUnsupported)
}
