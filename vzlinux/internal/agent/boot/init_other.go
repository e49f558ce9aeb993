//go:build !linux

package boot

import (
	"fmt"
	"log/slog"
	"os/exec"
	"strings"
)

// Argument tells the agent that process 1 is this package's.
const Argument = "--booted"

// Is tells whether this process is the guest's first: on Linux alone it can be.
func Is() bool { return false }

// Main is Linux's process 1.
func Main(*slog.Logger) { panic("process 1 is done on Linux only") }

// Shutdown has the system end by its own program. It needs root.
func Shutdown(again bool) error {
	how := "-h"
	if again {
		how = "-r"
	}
	out, err := exec.Command("/sbin/shutdown", how, "now").CombinedOutput()
	if err != nil {
		return fmt.Errorf("shutdown %s now: %w: %s", how, err, strings.TrimSpace(string(out)))
	}
	return nil
}
