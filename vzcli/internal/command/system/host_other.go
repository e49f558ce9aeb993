//go:build !linux

package system

// host knows nothing of systems whose containers run in virtual machines.
func host() (kernel string, memory int64) { return "", 0 }
