package shell

import (
	"errors"
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"
)

// A child is a process of the shell.
type child struct {
	pid    int
	text   string        // of a background job
	done   chan struct{} // closed when status is set
	status int
}

// children starts processes and takes in all that end, those too that the
// shell never started but inherited as process 1.
type children struct {
	mu      sync.Mutex
	running map[int]*child // guarded by mu
	jobs    []*child       // background jobs; guarded by mu
}

func newChildren() *children {
	c := &children{running: map[int]*child{}}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	go func() {
		for range ended {
			c.reap()
		}
	}()
	return c
}

// start starts a program. The lock keeps reap from taking in a process that
// nobody knows yet.
func (c *children) start(path string, args []string, attr *os.ProcAttr) (*child, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, err := os.StartProcess(path, args, attr)
	if err != nil {
		return nil, err
	}
	ch := &child{pid: p.Pid, done: make(chan struct{})}
	c.running[p.Pid] = ch
	_ = p.Release() // reap waits for it
	return ch, nil
}

func (c *children) reap() {
	for {
		c.mu.Lock()
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			c.mu.Unlock()
			continue
		}
		if err != nil || pid <= 0 {
			c.mu.Unlock()
			return
		}
		if ch := c.running[pid]; ch != nil {
			delete(c.running, pid)
			ch.status = ws.ExitStatus()
			if ws.Signaled() {
				ch.status = 128 + int(ws.Signal())
			}
			close(ch.done)
		}
		c.mu.Unlock()
	}
}

func (c *children) addJob(ch *child, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch.text = text
	c.jobs = append(c.jobs, ch)
}

// job returns the background job with a pid.
func (c *children) job(pid int) *child {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ch := range c.jobs {
		if ch.pid == pid {
			return ch
		}
	}
	return nil
}

func (c *children) allJobs() []*child {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*child(nil), c.jobs...)
}

// forget drops a job that was waited for.
func (c *children) forget(ch *child) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, j := range c.jobs {
		if j == ch {
			c.jobs = append(c.jobs[:i], c.jobs[i+1:]...)
			return
		}
	}
}
