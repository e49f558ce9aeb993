package uplink

import (
	"bytes"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// running is a program that was started. It dies with this process.
type running struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // why it ended, once done is closed
}

// run starts the program. The thread that does lives as long as the program, as the
// kernel takes the thread's death for that of the parent.
func run(name string, cmd *exec.Cmd) (*running, error) {
	r := &running{name: name, cmd: cmd, done: make(chan struct{})}
	words := &tail{}
	cmd.Stderr, cmd.WaitDelay = words, time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		r.err = fmt.Errorf("it ended: %w", orDone(cmd.Wait()))
		if said := lastWords(words.String()); said != "" {
			r.err = fmt.Errorf("%w: %s", r.err, said)
		}
		close(r.done)
	}()
	return r, <-started
}

func orDone(err error) error {
	if err == nil {
		return fmt.Errorf("exit status 0")
	}
	return err
}

// stop ends the program and waits for its end.
func (r *running) stop() {
	_ = r.cmd.Process.Kill()
	<-r.done
}

// A tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte // guarded by mu
}

const tailSize = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailSize; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.ToValidUTF8(t.buf, []byte("?")))
}
