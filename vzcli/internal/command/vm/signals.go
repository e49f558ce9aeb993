package vm

import (
	"os"
	"os/signal"
	"syscall"
)

// notify sends interrupts to c, besides what the program itself does upon them.
func notify(c chan<- os.Signal) { signal.Notify(c, os.Interrupt, syscall.SIGTERM) }
