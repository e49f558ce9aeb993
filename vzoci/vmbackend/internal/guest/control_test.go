//go:build linux || darwin

package guest

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"vz.internal/vzcontract"
)

// TestDialAgentOfTheDead connects with processes that are not there, or that end before
// they answer: it does not wait for what will not come.
func TestDialAgentOfTheDead(t *testing.T) {
	dir, err := os.MkdirTemp("", "vz") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := Store{Home: dir, Run: dir}
	id := NewID()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := s.DialAgent(ctx, id); !errors.Is(err, vzcontract.ErrConflict) {
		t.Errorf("agent of no machine: %v, want a conflict", err)
	}
	if err := os.MkdirAll(s.RunDir(id), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", s.Agent(id))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_ = l.Close() // with its name, as a process that ends
		_ = conn.Close()
	}()
	if _, err := s.DialAgent(ctx, id); !errors.Is(err, vzcontract.ErrConflict) {
		t.Errorf("agent of a machine that ends: %v, want a conflict", err)
	}
}
