// Package fault lets tests end a process with SIGKILL at a named step, as a
// power cut or the kernel's OOM killer would.
package fault

import (
	"os"
	"sync"
	"syscall"
)

// Variable is the environment variable that names the step to die at.
const Variable = "VZ_FAULT"

var chosen = sync.OnceValue(func() string { return os.Getenv(Variable) })

// Point kills this process if the environment chose the step.
func Point(step string) {
	if chosen() != step {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal is on its way
}
