package stream

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/engine"
)

// A Set is the streams of one run of a workload.
type Set struct {
	outs   []*output
	theirs []*os.File // the workload's ends, ours to close once it has them
	logs   Logs
	tty    bool
	want   bool // stdin is open
	pass   bool // see PassOn
	begun  bool

	mu      sync.Mutex
	stdin   *os.File // guarded by mu
	console *os.File // guarded by mu
}

// New makes the streams: pipes, or nothing yet for a terminal. With stdin the
// workload's stdin stays open until CloseStdin. logs get what it writes.
func New(tty, stdin bool, logs Logs) (*Set, engine.Stdio, error) {
	s := &Set{logs: logs, tty: tty, want: stdin}
	var stdio engine.Stdio
	if tty {
		return s, stdio, nil
	}
	if stdin {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, stdio, err
		}
		stdio.Stdin, s.stdin = r, w
		s.theirs = append(s.theirs, r)
	}
	for name, to := range map[string]**os.File{"stdout": &stdio.Stdout, "stderr": &stdio.Stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			s.Abort()
			return nil, stdio, err
		}
		*to = w
		s.theirs = append(s.theirs, w)
		s.outs = append(s.outs, s.output(name, r))
	}
	return s, stdio, nil
}

func (s *Set) output(name string, src *os.File) *output {
	return &output{name: name, log: s.logs.of(name), src: src, tty: s.tty, pass: s.pass, done: make(chan struct{})}
}

// SetConsole gives the set the terminal's master, which it takes over.
func (s *Set) SetConsole(master *os.File) error {
	fd, err := unix.FcntlInt(master.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	master.Close()
	if err != nil {
		return err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.console = os.NewFile(uintptr(fd), "console")
	if s.want {
		s.stdin = s.console
	}
	s.outs = []*output{s.output("stdout", s.console)}
	return nil
}

// PassOn lets the workload find its stream broken once the last client who read
// it is lost, as in a pipeline. Else it goes on writing to the log. It is to be
// called before Begin.
func (s *Set) PassOn() {
	s.pass = true
	for _, o := range s.outs {
		o.pass = true
	}
}

// Begin closes the workload's ends here and starts to copy.
func (s *Set) Begin() {
	s.begun = true
	s.closeTheirs()
	for _, o := range s.outs {
		go o.copy()
	}
}

func (s *Set) closeTheirs() {
	for _, f := range s.theirs {
		f.Close()
	}
	s.theirs = nil
}

// Abort closes everything of a set whose workload has not begun, or has been
// killed as soon as it had.
func (s *Set) Abort() {
	if s.begun {
		s.End()
		return
	}
	s.closeTheirs()
	for _, o := range s.outs {
		o.src.Close()
		o.finish()
	}
	s.CloseStdin()
}

// End returns when all that the ended workload wrote is in the log and on its
// way to those attached.
func (s *Set) End() {
	for _, o := range s.outs {
		o.end()
	}
	s.CloseStdin()
}

// CloseStdin lets the workload read the end. A terminal has none.
func (s *Set) CloseStdin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stdin != nil && s.stdin != s.console {
		s.stdin.Close()
		s.stdin = nil
	}
}

// input returns where stdin goes, nil if nowhere.
func (s *Set) input() *os.File {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stdin
}

// Resize sets the terminal's size.
func (s *Set) Resize(size vzcontract.TermSize) error {
	s.mu.Lock()
	console := s.console
	s.mu.Unlock()
	if console == nil {
		return vzcontract.Errorf(vzcontract.ErrConflict, "resize: there is no terminal")
	}
	raw, err := console.SyscallConn()
	if err != nil {
		return err
	}
	var serr error
	err = raw.Control(func(fd uintptr) {
		serr = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Rows, Col: size.Cols})
	})
	return errors.Join(err, serr)
}
