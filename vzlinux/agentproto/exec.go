package agentproto

import "time"

// An ExecRequest starts a program in the guest.
type ExecRequest struct {
	// ID is the host's name for it, never used before. Unless Detach is set
	// the program ends when the control connection does.
	ID     string        `json:"id"`
	Args   []string      `json:"args"`
	Env    []string      `json:"env,omitempty"`
	Dir    string        `json:"dir,omitempty"`
	User   string        `json:"user,omitempty"`   // name or uid, optionally ":" and a group or gid; empty is root
	Groups []string      `json:"groups,omitempty"` // supplementary, names or gids, besides those of the user
	Detach bool          `json:"detach,omitempty"`
	Limit  time.Duration `json:"limit,omitempty"` // after which the whole tree is killed; 0 is never

	// Which streams are wanted. What is not is /dev/null. With TTY they are
	// one: the stream "tty" carries both directions.
	Stdin  bool      `json:"stdin,omitempty"`
	Stdout bool      `json:"stdout,omitempty"`
	Stderr bool      `json:"stderr,omitempty"`
	TTY    *TermSize `json:"tty,omitempty"`
}

// A TermSize is that of a terminal, in characters.
type TermSize struct {
	Rows uint16 `json:"rows"`
	Cols uint16 `json:"cols"`
}

// ExecStarted has a token for each stream that was asked for. A stream that is not
// opened in time is closed.
type ExecStarted struct {
	PID    int    `json:"pid"`
	Stdin  *Token `json:"stdin,omitempty"`
	Stdout *Token `json:"stdout,omitempty"`
	Stderr *Token `json:"stderr,omitempty"`
	TTY    *Token `json:"tty,omitempty"`
}

// An ExecID names a program that was started.
type ExecID struct {
	ID string `json:"id"`
}

// ExecStatus is how a program ended.
type ExecStatus struct {
	Code     int    `json:"code"`             // 128 + signal if a signal ended it
	Signal   int    `json:"signal,omitempty"` // Linux's number
	TimedOut bool   `json:"timed_out,omitempty"`
	OOM      bool   `json:"oom_killed,omitempty"`
	Error    string `json:"error,omitempty"`
}

// A SignalRequest sends a signal to a program's process group.
type SignalRequest struct {
	ID     string `json:"id"`
	Signal int    `json:"signal"` // Linux's number
}

// A ResizeRequest sets the size of a program's terminal.
type ResizeRequest struct {
	ID string `json:"id"`
	TermSize
}
