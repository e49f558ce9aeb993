package process

import (
	"errors"
	"io"
	"os"
	"os/exec"

	"github.com/creack/pty"

	"vz.internal/vzlinux/agentproto"
)

// stdio is the agent's side of a program's streams until they are served.
type stdio struct {
	stdin, stdout, stderr *os.File // nil if not wanted
	terminal              *os.File
	child                 []*os.File
}

// open makes the streams that req wants and gives cmd their other ends.
func open(req agentproto.ExecRequest, cmd *exec.Cmd) (*stdio, error) {
	s := &stdio{}
	if req.TTY != nil {
		master, slave, err := pty.Open()
		if err != nil {
			return nil, err
		}
		s.terminal, s.child = master, []*os.File{slave}
		cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
		cmd.SysProcAttr.Setctty = true
		if req.TTY.Rows > 0 && req.TTY.Cols > 0 {
			if err := pty.Setsize(slave, &pty.Winsize{Rows: req.TTY.Rows, Cols: req.TTY.Cols}); err != nil {
				s.closeOurs()
				s.closeChild()
				return nil, err
			}
		}
		return s, nil
	}
	var err error
	pipe := func(want bool, ours **os.File, in bool) *os.File {
		if !want || err != nil {
			return nil
		}
		r, w, failed := os.Pipe()
		if err = failed; err != nil {
			return nil
		}
		theirs := w
		*ours = r
		if in {
			theirs, *ours = r, w
		}
		s.child = append(s.child, theirs)
		return theirs
	}
	// A nil *os.File in the interface would not be /dev/null, so only those
	// that exist are set.
	if f := pipe(req.Stdin, &s.stdin, true); f != nil {
		cmd.Stdin = f
	}
	if f := pipe(req.Stdout, &s.stdout, false); f != nil {
		cmd.Stdout = f
	}
	if f := pipe(req.Stderr, &s.stderr, false); f != nil {
		cmd.Stderr = f
	}
	if err != nil {
		s.closeOurs()
		s.closeChild()
		return nil, err
	}
	return s, nil
}

func (s *stdio) closeChild() { closeAll(s.child...) }

func (s *stdio) closeOurs() { closeAll(s.stdin, s.stdout, s.stderr, s.terminal) }

func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}

// serve issues a token per stream. A stream that nobody opens in time is closed.
func (s *stdio) serve(streams *agentproto.Streams) (agentproto.ExecStarted, error) {
	var started agentproto.ExecStarted
	var errs []error
	issue := func(f *os.File, use func(agentproto.Conn)) *agentproto.Token {
		if f == nil {
			return nil
		}
		token, err := streams.Issue(use, func() { _ = f.Close() })
		if err != nil {
			_ = f.Close()
			errs = append(errs, err)
			return nil
		}
		return &token
	}
	started.Stdin = issue(s.stdin, func(c agentproto.Conn) { go feed(s.stdin, c) })
	started.Stdout = issue(s.stdout, func(c agentproto.Conn) { go drain(c, s.stdout) })
	started.Stderr = issue(s.stderr, func(c agentproto.Conn) { go drain(c, s.stderr) })
	started.TTY = issue(s.terminal, func(c agentproto.Conn) {
		go func() { _, _ = io.Copy(s.terminal, c) }()
		go drain(c, s.terminal)
	})
	if err := errors.Join(errs...); err != nil {
		for _, t := range []*agentproto.Token{started.Stdin, started.Stdout, started.Stderr, started.TTY} {
			if t != nil {
				streams.Revoke(*t)
			}
		}
		return started, err
	}
	return started, nil
}

// feed copies the host's input to the program until either ends it.
func feed(to *os.File, from agentproto.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}

// drain copies the program's output to the host. The program gets SIGPIPE when
// the host reads no more.
func drain(to agentproto.Conn, from *os.File) {
	_, _ = io.Copy(to, from) // a terminal ends with EIO
	_ = from.Close()
	_ = to.CloseWrite()
	_ = to.Close()
}
