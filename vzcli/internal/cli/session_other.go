//go:build !linux

package cli

import "os"

// caller is the user who runs this program.
func caller() int { return os.Geteuid() }

func refuseSetuid() error { return nil }
