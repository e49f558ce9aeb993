//go:build !linux

package cli

import (
	"os"
	"path/filepath"
)

// caller is the user who runs this program.
func caller() int { return os.Geteuid() }

// userRun is where the runtime files of an ordinary user are.
func userRun(_ int, home string) string { return filepath.Join(home, "run") }

func refuseSetuid() error { return nil }
