package sim

import (
	"context"
	"sync"
	"syscall"
	"time"
)

// A Process is a running program.
type Process struct {
	Spec
	PID, PPID int
	Started   time.Time

	k      *Kernel
	root   *Process // the process that the host started
	ctx    context.Context
	cancel context.CancelFunc
	wake   chan struct{} // holds one value while a trap is pending
	done   chan struct{} // closed when the process has ended

	mu      sync.Mutex
	traps   map[int]string // guarded by mu
	pending []int          // guarded by mu
	status  Status         // guarded by mu
	forward *Process       // takes the signals of a reaper; guarded by mu
}

// Status is how a process ended.
type Status struct {
	Code, Signal int
	OOM          bool
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Status is valid after Done.
func (p *Process) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// Signal does what the kernel does: a trap runs, process 1 is spared from
// default actions of all but SIGKILL.
func (p *Process) Signal(sig int) {
	p.mu.Lock()
	action, trapped := p.traps[sig]
	forward := p.forward
	p.mu.Unlock()
	switch {
	case sig == 0:
	case forward != nil && sig != int(syscall.SIGKILL):
		forward.Signal(sig)
	case sig == int(syscall.SIGKILL):
		p.kill(Status{Code: 128 + sig, Signal: sig})
	case trapped && action == "":
	case trapped:
		p.mu.Lock()
		p.pending = append(p.pending, sig)
		p.mu.Unlock()
		select {
		case p.wake <- struct{}{}:
		default:
		}
	case p.PID == 1 && !p.idle || harmless(sig):
	default:
		p.kill(Status{Code: 128 + sig, Signal: sig})
	}
}

func harmless(sig int) bool {
	switch syscall.Signal(sig) {
	case syscall.SIGCHLD, syscall.SIGCONT, syscall.SIGURG, syscall.SIGWINCH,
		syscall.SIGSTOP, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU:
		return true
	}
	return false
}

// KillTree kills everything that the host's start of this process led to, and
// returns when it is gone.
func (p *Process) KillTree() {
	for {
		left := false
		for _, other := range p.k.Processes() {
			if other.root == p.root {
				left = true
				other.Signal(int(syscall.SIGKILL))
				<-other.done
			}
		}
		if !left {
			return
		}
	}
}

// Traps returns the shell's traps, for a record of the process.
func (p *Process) Traps() map[int]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	traps := make(map[int]string, len(p.traps))
	for sig, action := range p.traps {
		traps[sig] = action
	}
	return traps
}

func (p *Process) kill(s Status) {
	p.mu.Lock()
	if p.status == (Status{}) {
		p.status = s
	}
	p.mu.Unlock()
	p.cancel()
}

// outOfMemory is the kernel's answer to too much memory.
func (p *Process) outOfMemory() {
	p.k.mu.Lock()
	p.k.ooms++
	p.k.mu.Unlock()
	p.kill(Status{Code: 137, Signal: int(syscall.SIGKILL), OOM: true})
}

// end notes the exit code of a program that returned.
func (p *Process) end(code int) {
	p.mu.Lock()
	if p.status == (Status{}) {
		p.status = Status{Code: code & 0xff}
	}
	p.mu.Unlock()
	p.cancel()
	k := p.k
	k.mu.Lock()
	delete(k.procs, p.PID)
	k.ended = k.ended || p.PID == 1
	k.mu.Unlock()
	if p.PID == 1 {
		for _, other := range k.Processes() {
			other.Signal(int(syscall.SIGKILL))
			<-other.done
		}
	}
	k.addBusy(-1)
	close(p.done)
}

// gate waits while the container is paused and reports whether the process may
// go on.
func (p *Process) gate() bool {
	for {
		p.k.mu.Lock()
		paused := p.k.paused
		p.k.mu.Unlock()
		if paused == nil {
			return p.ctx.Err() == nil
		}
		select {
		case <-paused:
		case <-p.ctx.Done():
			return false
		}
	}
}

// blocked runs wait, which may block, without counting the process as busy.
func (p *Process) blocked(wait func()) {
	p.k.addBusy(-1)
	wait()
	p.k.addBusy(1)
	p.gate()
}

// takePending returns the signals whose traps are due.
func (p *Process) takePending() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	due := p.pending
	p.pending = nil
	select {
	case <-p.wake:
	default:
	}
	return due
}
