// Package vztest runs the program vz as a user does, in a home of the test's
// own, and looks for what it leaves behind.
package vztest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"vz.internal/tools/e2e/internal/need"
)

// A Home is a place for vz to keep its state in.
type Home struct {
	Dir string // with "home", "run" and "user"; short, for the sockets in it
	// Env are variables that every command gets besides VZ_HOME, VZ_RUN and HOME.
	Env []string

	t      testing.TB
	vz     string
	become []string // what runs commands as somebody else; empty as the test

	mu  sync.Mutex
	ids []string // of containers that were there; guarded by mu
}

// New returns an empty home. When the test ends, its containers are removed,
// and whatever then still is of it fails the test.
func New(t testing.TB) *Home {
	t.Helper()
	need.Root(t)
	vz := need.VZ(t)
	dir, err := os.MkdirTemp("", "vz")
	if err != nil {
		t.Fatal(err)
	}
	h := &Home{Dir: dir, t: t, vz: vz}
	if err := os.Mkdir(h.path("user"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	return h
}

func (h *Home) path(elem ...string) string { return filepath.Join(append([]string{h.Dir}, elem...)...) }

// Home is VZ_HOME.
func (h *Home) Home() string { return h.path("home") }

// Run is VZ_RUN.
func (h *Home) Run() string { return h.path("run") }

// close removes the containers, looks for leaks and removes the files.
func (h *Home) close() {
	containers := h.list("ps", "-aq", "--no-trunc")
	h.note(containers)
	if len(containers) > 0 {
		if r := h.Do(append([]string{"rm", "-f", "-v"}, containers...)...); r.Code != 0 {
			h.t.Errorf("clean up: %s", r)
		}
	}
	h.Settle()
	for _, left := range h.Leaks() {
		h.t.Errorf("left behind: %s", left)
	}
	if err := os.RemoveAll(h.Dir); err != nil {
		h.t.Errorf("remove the home: %v", err)
	}
}

// list returns the lines that a command printed, none if it failed: what it
// could not list shows up as a leak.
func (h *Home) list(args ...string) []string {
	r := h.Do(args...)
	if r.Code != 0 {
		h.t.Logf("clean up: %s", r)
	}
	return strings.Fields(r.Stdout)
}

// Containers returns the full ids of all containers.
func (h *Home) Containers() []string {
	h.t.Helper()
	ids := strings.Fields(h.Must("ps", "-aq", "--no-trunc"))
	h.note(ids)
	return ids
}

// note remembers ids of containers, whose control groups must be gone at the end.
func (h *Home) note(ids []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ids = append(h.ids, ids...)
}

// Inspect returns what the Go template gives for the container.
func (h *Home) Inspect(name, template string) string {
	h.t.Helper()
	return strings.TrimSpace(h.Must("inspect", "--type", "container", "--format", template, name))
}

// String names the home in messages.
func (h *Home) String() string { return fmt.Sprintf("home %s", h.Dir) }
