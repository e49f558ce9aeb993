package vzsandbox_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake"
	"vz.internal/vzsandbox"
)

// TestSweepHalfMade removes what a maker that was killed has left, and nothing that is
// being made.
func TestSweepHalfMade(t *testing.T) {
	b := &slow{Backend: fake.New(), begun: make(chan bool), on: make(chan bool)}
	defer func() { _ = b.Close() }()
	dir := t.TempDir()
	h := hostAt(t, b, dir)
	ready := create(t, hostAt(t, b.Backend, dir), plain, vzsandbox.CreateOptions{Name: "ready"})
	c, err := b.Inspect(t.Context(), ready.ID())
	if err != nil {
		t.Fatal(err)
	}
	// What a maker leaves that is killed before the start.
	c.Config.Name = "left"
	if _, err := b.Create(t.Context(), c.Config); err != nil {
		t.Fatal(err)
	}
	made := make(chan error)
	go func() {
		_, err := h.Create(t.Context(), plain, vzsandbox.CreateOptions{Name: "slow"})
		made <- err
	}()
	<-b.begun
	if removed, err := h.Sweep(t.Context()); err != nil || len(removed) > 0 {
		t.Errorf("while one is made, a sweep removed %q, %v", removed, err)
	}
	close(b.on)
	if err := <-made; err != nil {
		t.Fatal(err)
	}
	if removed, err := h.Sweep(t.Context()); err != nil || !slices.Equal(removed, []string{"left"}) {
		t.Errorf("a sweep removed %q, %v", removed, err)
	}
	for _, name := range []string{"ready", "slow"} {
		s, err := h.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		shell(t, s, "true")
	}
}

// A slow backend waits in the middle of a start.
type slow struct {
	*fake.Backend
	begun, on chan bool
}

func (b *slow) Start(ctx context.Context, name string, opts vzcontract.StartOptions) (vzcontract.Attachment, error) {
	b.begun <- true
	<-b.on
	return b.Backend.Start(ctx, name, opts)
}

// TestSweepFiles removes what is kept of sandboxes that others have removed.
func TestSweepFiles(t *testing.T) {
	b, dir := fake.New(), t.TempDir()
	defer func() { _ = b.Close() }()
	h := hostAt(t, b, dir)
	s := create(t, h, plain, vzsandbox.CreateOptions{})
	if err := s.Snapshot(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	kept := create(t, h, plain, vzsandbox.CreateOptions{})
	if err := b.Remove(t.Context(), s.ID(), vzcontract.RemoveOptions{Force: true}); err != nil { // as vz rm -f
		t.Fatal(err)
	}
	if removed, err := h.Sweep(t.Context()); err != nil || len(removed) > 0 {
		t.Errorf("a sweep removed %q, %v", removed, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := []string{kept.ID() + ".lock", "creation.lock", "records.lock"}
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("files = %q, want %q", names, want)
	}
}

// TestSetup makes the image of the commands, and again when it has vanished.
func TestSetup(t *testing.T) {
	b := fake.New()
	defer func() { _ = b.Close() }()
	calls := 0
	opts := vzsandbox.Options{Dir: t.TempDir(), Setup: func(ctx context.Context, r vzsandbox.SetupRequest) (string, error) {
		calls++
		if r.Image != fake.Builtin || len(r.Commands) != 1 || r.User != "app" {
			t.Errorf("request = %+v", r)
		}
		if calls == 2 {
			return "vanished", nil
		}
		c, err := b.Create(ctx, vzcontract.RunConfig{Image: r.Image, Args: []string{"sh", "-c", r.Commands[0]}})
		if err != nil {
			return "", err
		}
		if _, err := b.Start(ctx, c.ID, vzcontract.StartOptions{}); err != nil {
			return "", err
		}
		_, err = b.Wait(ctx, c.ID, vzcontract.WaitNotRunning)
		if err == nil {
			_, err = b.Commit(ctx, c.ID, vzcontract.CommitOptions{Ref: "done"})
		}
		return "done", errors.Join(err, b.Remove(ctx, c.ID, vzcontract.RemoveOptions{}))
	}}
	h, err := vzsandbox.New(b, opts)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := plain
	tmpl.Setup, tmpl.User = []string{"echo set up > /tmp/done"}, "app"
	for range 2 {
		s := create(t, h, tmpl, vzsandbox.CreateOptions{})
		if got := shell(t, s, "cat /tmp/done"); got != "set up\n" {
			t.Errorf("output = %q", got)
		}
		if i, err := s.Info(t.Context()); err != nil || i.Image != "done" || i.Template.Image != fake.Builtin || len(i.Template.Setup) != 1 {
			t.Errorf("info = %+v, %v", i, err)
		}
	}
	if calls != 3 {
		t.Errorf("%d calls of setup", calls)
	}
}
