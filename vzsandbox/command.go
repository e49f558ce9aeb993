package vzsandbox

import (
	"io"
	"path"
	"time"

	"vz.internal/vzcontract"
)

// DefaultOutputLimit is how much of each stream Run keeps unless told otherwise.
const DefaultOutputLimit = 1 << 20

// A Command is a program to run in a sandbox.
type Command struct {
	// Args is the program, looked up in PATH, and its arguments. No shell is between:
	// for one say "sh", "-c", LINE.
	Args []string
	// Env has "NAME=value" entries over the template's. They are kept nowhere.
	Env []string
	// Dir is absolute, or relative to the workspace, which is the default.
	Dir string
	// User is uid|name[:gid|group]; empty is the template's.
	User string
	// Stdin is the program's; nil is empty.
	Stdin io.Reader
	// Stdout and Stderr take what the program writes. With nil Run collects it and
	// Start discards it.
	Stdout, Stderr io.Writer
	// TTY gives the program a terminal of this size; Stderr has nothing then.
	TTY  bool
	Size vzcontract.TermSize
	// Timeout kills the program and all that it started. 0 is the template's
	// CommandTimeout, negative is none.
	Timeout time.Duration
	// OutputLimit is how many bytes of each stream Run keeps, from the beginning; the
	// rest is read and dropped, so that the program is not held up. 0 is
	// DefaultOutputLimit, negative is no limit.
	OutputLimit int64
	// Detach, for Start: the streams are discarded and the program goes on when the
	// caller has gone.
	Detach bool
}

// A Result is what [Sandbox.Run] collected.
type Result struct {
	Stdout []byte `json:"stdout,omitempty"`
	Stderr []byte `json:"stderr,omitempty"`
	// The program wrote more than was kept.
	StdoutTruncated bool                  `json:"stdoutTruncated,omitempty"`
	StderrTruncated bool                  `json:"stderrTruncated,omitempty"`
	Exit            vzcontract.ExitStatus `json:"exit"`
	// TimedOut: the program was killed because its time was over.
	TimedOut bool          `json:"timedOut,omitempty"`
	Took     time.Duration `json:"took"`
}

// exec is the command as the contract has it.
func (s *Sandbox) exec(c Command) vzcontract.ExecConfig {
	dir := s.Workspace()
	if path.IsAbs(c.Dir) {
		dir = path.Clean(c.Dir)
	} else if c.Dir != "" {
		dir = path.Join(dir, c.Dir)
	}
	timeout := c.Timeout
	switch {
	case timeout == 0:
		timeout = s.facts.Template.CommandTimeout
	case timeout < 0:
		timeout = 0
	}
	return vzcontract.ExecConfig{
		Args: c.Args, Env: c.Env, WorkingDir: dir, User: c.User, TTY: c.TTY, Size: c.Size, Timeout: timeout, Detach: c.Detach,
		Stdio: vzcontract.Stdio{In: c.Stdin, Out: c.Stdout, Err: c.Stderr},
	}
}
