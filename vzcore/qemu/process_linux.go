package qemu

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// A process is a child that dies when this process does.
type process struct {
	cmd    *exec.Cmd
	output tail
	done   chan struct{}
	err    error // valid after done
}

// spawn starts a program with files as its descriptors from 3.
func spawn(program string, args []string, files ...*os.File) (*process, error) {
	p := &process{cmd: exec.Command(program, args...), done: make(chan struct{})}
	p.cmd.ExtraFiles = files
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	// The death signal comes when the thread ends that started the child, so
	// that thread stays until the child has ended.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := p.cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return p, nil
}

// kill ends the child and returns when it has ended.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// failure says how a child ended that should not have.
func (p *process) failure() error {
	err := p.err
	if err == nil {
		err = errors.New("it ended by itself")
	}
	if text := p.output.String(); text != "" {
		return fmt.Errorf("%s: %w: %s", p.cmd.Path, err, text)
	}
	return fmt.Errorf("%s: %w", p.cmd.Path, err)
}

// A tail keeps the last of what a child prints.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 4096

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - tailSize; over > 0 {
		t.text = t.text[:copy(t.text, t.text[over:])]
	}
	return len(p), nil
}

// String returns what was kept, without white space around it.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}
