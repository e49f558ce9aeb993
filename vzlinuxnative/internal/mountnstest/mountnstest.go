//go:build linux

// Package mountnstest runs the tests of a package in a mount namespace of
// their own, so that whatever they mount is gone when they end.
package mountnstest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

const marker = "VZ_TEST_MOUNT_NAMESPACE"

// Main is the whole TestMain of a package. Without the right to make mount
// namespaces the tests run where they are; those that mount need testreq.Root.
func Main(m *testing.M) {
	if os.Getenv(marker) == "" && os.Geteuid() == 0 {
		code, err := again()
		if err == nil {
			os.Exit(code)
		}
		fmt.Fprintln(os.Stderr, "mountnstest: no mount namespace:", err)
	}
	if os.Getenv(marker) != "" {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			fmt.Fprintln(os.Stderr, "mountnstest: make mounts private:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// again runs this program once more, in a new mount namespace.
func again() (int, error) {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...) //nolint:gosec // itself
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), marker+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}
