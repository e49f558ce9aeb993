//go:build unix

package command

import (
	"os"
	"syscall"
	"testing"
)

// The first signal of a time of holding is kept, the second goes on.
func TestSignalsHold(t *testing.T) {
	passed := make(chan os.Signal, 4)
	s := NewSignals(func(sig os.Signal) { passed <- sig })
	defer s.Stop()
	kept, restore := s.Hold()
	send := func(sig syscall.Signal) {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			t.Fatal(err)
		}
	}
	send(syscall.SIGHUP)
	if got := <-kept; got != syscall.SIGHUP {
		t.Errorf("kept %v, want SIGHUP", got)
	}
	send(syscall.SIGTERM)
	send(syscall.SIGINT)
	if got := <-passed; got != syscall.SIGTERM && got != syscall.SIGINT {
		t.Errorf("passed %v", got)
	}
	<-kept // the other one: it was the first again
	restore()
	send(syscall.SIGTERM)
	if got := <-passed; got != syscall.SIGTERM {
		t.Errorf("after restore passed %v, want SIGTERM", got)
	}
}
