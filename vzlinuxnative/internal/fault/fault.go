// Package fault lets tests end a process with SIGKILL at a named step, as a
// power cut or the kernel's OOM killer would.
package fault

import (
	"os"
	"strings"
	"sync"
	"syscall"
)

// Variable is the environment variable that names the step to die at and,
// after "=", a file to make then.
const Variable = "VZ_FAULT"

var chosen = sync.OnceValues(func() (step, mark string) {
	step, mark, _ = strings.Cut(os.Getenv(Variable), "=")
	return step, mark
})

// Point kills this process if the environment chose the step.
func Point(step string) {
	at, mark := chosen()
	if at != step {
		return
	}
	if mark != "" {
		_ = os.WriteFile(mark, nil, 0o600) // the test misses it
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal is on its way
}
