// Package sim runs a few small programs the way a kernel and busybox would,
// inside one container's file tree and without any process of the host.
package sim

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"vz.internal/vzcontract/fake/internal/tree"
)

// Errors of Start.
var (
	ErrNotFound = errors.New("executable file not found in $PATH")
	ErrNotExec  = errors.New("permission denied or unknown format")
)

// A Kernel holds the processes of one container. Its exported fields are set
// before the first Start.
type Kernel struct {
	FS       *tree.View
	Hostname string
	Memory   int64 // bytes that variables of shells may hold; 0 is unlimited
	Pids     int64 // processes at once; 0 and less is unlimited

	mu     sync.Mutex
	idle   sync.Cond        // signalled when busy falls to 0
	procs  map[int]*Process // guarded by mu
	next   int              // guarded by mu
	busy   int              // processes that are not blocked; guarded by mu
	paused chan struct{}    // closed on resume, nil when running; guarded by mu
	ooms   int              // guarded by mu
	ended  bool             // process 1 has ended; guarded by mu
	ports  map[uint16]*port // that programs listen on; guarded by mu
}

// NewKernel returns a kernel without processes.
func NewKernel(view *tree.View) *Kernel {
	k := &Kernel{FS: view, procs: map[int]*Process{}, ports: map[uint16]*port{}}
	k.idle.L = &k.mu
	return k
}

// A Spec says what to run. Nil files are /dev/null.
type Spec struct {
	Args, Env []string
	Dir       string
	UID, GID  uint32
	Groups    []uint32
	Stdin     File
	Stdout    File
	Stderr    File
	TTY       *TTY // of stdin, stdout and stderr
	idle      bool // process 1, but signals end it
}

// Start runs a program. Process 1 takes all others with it when it ends.
func (k *Kernel) Start(spec Spec, parent *Process) (*Process, error) {
	prog, err := k.lookup(spec)
	if err != nil {
		return nil, err
	}
	return k.fork(parent, spec, prog)
}

// fork makes a process that runs prog.
func (k *Kernel) fork(parent *Process, spec Spec, prog program) (*Process, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.Pids > 0 && int64(len(k.procs)) >= k.Pids {
		return nil, errors.New("resource temporarily unavailable")
	}
	if k.ended {
		return nil, errors.New("no such process")
	}
	k.next++
	p := &Process{
		Spec: spec, k: k, PID: k.next, Started: time.Now(),
		traps: map[int]string{}, wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	if p.Spec.Dir == "" {
		p.Spec.Dir = "/"
	}
	p.root = p
	if parent != nil {
		p.PPID, p.root = parent.PID, parent.root
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	k.procs[p.PID] = p
	k.busy++
	go func() {
		p.gate()
		p.end(prog(p))
	}()
	return p, nil
}

// lookup finds the program as execvp does.
func (k *Kernel) lookup(spec Spec) (program, error) {
	if len(spec.Args) == 0 || spec.Args[0] == "" {
		return nil, ErrNotFound
	}
	name := spec.Args[0]
	if strings.Contains(name, "/") {
		if !path.IsAbs(name) {
			name = path.Join("/", spec.Dir, name)
		}
		return k.load(name)
	}
	search := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, entry := range spec.Env {
		if value, ok := strings.CutPrefix(entry, "PATH="); ok {
			search = value
		}
	}
	denied := error(ErrNotFound)
	for dir := range strings.SplitSeq(search, ":") {
		prog, err := k.load(path.Join("/", dir, name))
		if err == nil {
			return prog, nil
		}
		if errors.Is(err, ErrNotExec) {
			denied = err
		}
	}
	return nil, denied
}

func (k *Kernel) load(name string) (program, error) {
	n, err := k.FS.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil || !n.Mode.IsRegular() || n.Mode.Perm()&0o111 == 0 {
		return nil, ErrNotExec
	}
	if prog, ok := programs[path.Base(name)]; ok {
		return prog, nil
	}
	if line, ok := strings.CutPrefix(string(n.Data), "#!/bin/sh\n"); ok {
		return func(p *Process) int { return runScript(p, line, p.Args) }, nil
	}
	return nil, ErrNotExec
}

// Pause stops all processes at their next step; Resume lets them go on.
func (k *Kernel) Pause() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.paused == nil {
		k.paused = make(chan struct{})
	}
}

// Resume ends a Pause.
func (k *Kernel) Resume() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.paused != nil {
		close(k.paused)
		k.paused = nil
	}
}

// OOMKills returns how many processes ran out of memory.
func (k *Kernel) OOMKills() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ooms
}

// Processes returns the living processes, oldest first.
func (k *Kernel) Processes() []*Process {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := make([]*Process, 0, len(k.procs))
	for _, p := range k.procs {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *Process) int { return a.PID - b.PID })
	return all
}

func (k *Kernel) find(pid int) *Process {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.procs[pid]
}

// WaitIdle returns when every process has ended or waits for something, or
// when ctx ends.
func (k *Kernel) WaitIdle(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.idle.Broadcast()
	})
	defer stop()
	k.mu.Lock()
	defer k.mu.Unlock()
	for k.busy > 0 && ctx.Err() == nil {
		k.idle.Wait()
	}
}

func (k *Kernel) addBusy(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.busy += n; k.busy == 0 {
		k.idle.Broadcast()
	}
}

// StartReaped runs the program below a reaper as process 1, which forwards
// signals, collects orphans and ends with the program's status.
func (k *Kernel) StartReaped(spec Spec) (*Process, error) {
	if _, err := k.lookup(spec); err != nil {
		return nil, err
	}
	reaper := spec
	reaper.Args = append([]string{"/sbin/init", "--"}, spec.Args...)
	return k.fork(nil, reaper, func(p *Process) int {
		child, err := k.Start(spec, p)
		if err != nil {
			p.errorf("init: %s: %v", spec.Args[0], err)
			return 127
		}
		p.mu.Lock()
		p.forward = child
		p.mu.Unlock()
		p.blocked(func() {
			select {
			case <-child.done:
			case <-p.ctx.Done():
			}
		})
		if p.ctx.Err() == nil {
			p.kill(child.Status())
		}
		return child.Status().Code
	})
}

// StartIdle starts a reaper without a program, which ends as a signal says.
func (k *Kernel) StartIdle(spec Spec) (*Process, error) {
	spec.idle = true
	return k.fork(nil, spec, func(p *Process) int {
		p.blocked(func() { <-p.ctx.Done() })
		return 0
	})
}

// Placeholder takes the place of process 1 for a program that runs no more
// than in name.
func (k *Kernel) Placeholder(args []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := &Process{
		Spec: Spec{Args: args, Dir: "/"}, k: k, PID: 1, Started: time.Now(),
		traps: map[int]string{}, wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	p.root = p
	p.ctx, p.cancel = context.WithCancel(context.Background())
	k.next = 1
	k.procs[1] = p
}

// SetLimits changes the limits of a running kernel.
func (k *Kernel) SetLimits(memory, pids int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.Memory, k.Pids = memory, pids
}

func (k *Kernel) memoryLimit() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.Memory
}

// enter changes the working directory; the process itself calls it.
func (p *Process) enter(dir string) {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	p.Dir = dir
}

// Uses reports whether a process has its working directory at or below dir.
func (k *Kernel) Uses(dir string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.procs {
		if at := path.Clean(p.Dir); at == dir || strings.HasPrefix(at, dir+"/") {
			return true
		}
	}
	return false
}
