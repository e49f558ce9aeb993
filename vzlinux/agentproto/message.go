package agentproto

import (
	"encoding/json"
	"fmt"

	"vz.internal/vzcontract"
)

// A message is every frame after the hellos. A request has a method; a
// cancellation has Cancel set; an answer has neither.
type message struct {
	ID     uint64          `json:"id"`
	Method string          `json:"method,omitempty"`
	Cancel bool            `json:"cancel,omitempty"`
	Body   json.RawMessage `json:"body,omitempty"`
	Error  *Error          `json:"error,omitempty"`
}

// An Error is a failed request as it crosses the wire. On the host it matches the
// sentinel of its code with errors.Is.
type Error struct {
	Code    vzcontract.Code `json:"code"`
	Message string          `json:"message"`
	// Exec is "not_found" or "cannot_exec" when a program could not be started, and
	// "refused" when none listened.
	Exec string `json:"exec,omitempty"`
	// The parts of a vzcontract.Error, if it was one.
	Op   string `json:"op,omitempty"`
	Kind string `json:"kind,omitempty"`
	Name string `json:"name,omitempty"`
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the sentinel of the code and the operation that failed.
func (e *Error) Unwrap() []error {
	class := vzcontract.SentinelOf(e.Code)
	switch e.Exec {
	case execNotFound:
		class = vzcontract.ErrNoSuchProgram
	case execCannot:
		class = vzcontract.ErrCannotExec
	case dialRefused:
		class = vzcontract.ErrRefused
	}
	if e.Op == "" {
		return []error{class}
	}
	return []error{class, &vzcontract.Error{Op: e.Op, Kind: e.Kind, Name: e.Name, Class: class}}
}

const (
	execNotFound = "not_found"
	execCannot   = "cannot_exec"
	dialRefused  = "refused"
)

func parseMessage(payload []byte) (message, error) {
	var m message
	if err := json.Unmarshal(payload, &m); err != nil {
		return m, fmt.Errorf("parse message: %w", err)
	}
	if m.Cancel && m.Method != "" {
		return m, fmt.Errorf("parse message: %d is a request and a cancellation", m.ID)
	}
	return m, nil
}
