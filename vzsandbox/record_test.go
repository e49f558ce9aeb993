package vzsandbox_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake"
	"vz.internal/vzsandbox"
)

// hostAt is a host whose records are in dir.
func hostAt(t *testing.T, b vzcontract.RuntimeBackend, dir string) *vzsandbox.Host {
	t.Helper()
	h, err := vzsandbox.New(b, vzsandbox.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestDamagedRecord is told once by its name, moved aside, and keeps nobody from working.
func TestDamagedRecord(t *testing.T) {
	b, dir := fake.New(), t.TempDir()
	defer func() { _ = b.Close() }()
	h := hostAt(t, b, dir)
	s := create(t, h, plain, vzsandbox.CreateOptions{Name: "box"})
	create(t, h, plain, vzsandbox.CreateOptions{Name: "other"})
	if err := s.Snapshot(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, s.ID()+".json")
	for _, damage := range []func() error{
		func() error { return os.WriteFile(file, []byte(`{"snapshots":[{"na`), 0o600) },
		func() error { return syscall.Mkfifo(file, 0o600) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		list, err := h.List(t.Context())
		wantClass(t, "list", err, vzcontract.ErrInternal)
		if err == nil || !strings.Contains(err.Error(), file) || len(list) != 2 {
			t.Errorf("list = %d sandboxes, %v", len(list), err)
		}
		if _, err := os.Stat(file + ".damaged"); err != nil {
			t.Error(err)
		}
		if list, err = h.List(t.Context()); err != nil || len(list) != 2 {
			t.Errorf("list again = %d sandboxes, %v", len(list), err)
		}
	}
	shell(t, s, "echo works")
	if err := s.Snapshot(t.Context(), "two"); err != nil {
		t.Error(err)
	}
	if err := s.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file + ".damaged"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the damaged record of a sandbox that is gone: %v", err)
	}
}

// TestNewerRecord is left alone.
func TestNewerRecord(t *testing.T) {
	b, dir := fake.New(), t.TempDir()
	defer func() { _ = b.Close() }()
	h := hostAt(t, b, dir)
	s := create(t, h, plain, vzsandbox.CreateOptions{})
	file := filepath.Join(dir, s.ID()+".json")
	if err := os.WriteFile(file, []byte(`{"version":99}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Info(t.Context()); err == nil || !strings.Contains(err.Error(), "newer vz") {
			t.Errorf("info = %v", err)
		}
	}
}

// TestInterruptedRestore shows, and is done by another one.
func TestInterruptedRestore(t *testing.T) {
	b, dir := fake.New(), t.TempDir()
	defer func() { _ = b.Close() }()
	h := hostAt(t, b, dir)
	s := create(t, h, plain, vzsandbox.CreateOptions{})
	shell(t, s, "echo one > /tmp/state")
	if err := s.Snapshot(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, s.ID()+".json")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begun := strings.Replace(string(data), `{`, `{"restoring":"one",`, 1)
	if err := os.WriteFile(file, []byte(begun), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.Stop(t.Context(), s.ID(), vzcontract.StopOptions{Signal: "KILL"}); err != nil {
		t.Fatal(err)
	}
	if i, err := s.Info(t.Context()); err != nil || i.State != vzcontract.SandboxCreating || !strings.Contains(i.Reason, "restore it again") {
		t.Errorf("info = %+v, %v", i, err)
	}
	if err := s.Restore(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	if got := shell(t, s, "cat /tmp/state"); got != "one\n" {
		t.Errorf("state = %q", got)
	}
	if i, err := s.Info(t.Context()); err != nil || i.State != vzcontract.SandboxReady || i.Reason != "" {
		t.Errorf("info = %+v, %v", i, err)
	}
}

// TestUnreadableLabel has one whose label nobody can read.
func TestUnreadableLabel(t *testing.T) {
	h, b, _ := newHost(t)
	for _, label := range []string{"{", `{"version":99}`} {
		c, err := b.Create(t.Context(), vzcontract.RunConfig{Image: fake.Builtin, Idle: true, Labels: map[string]string{vzsandbox.Label: label}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.Open(t.Context(), c.ID)
		wantClass(t, "open", err, vzcontract.ErrInternal)
		list, err := h.List(t.Context())
		wantClass(t, "list", err, vzcontract.ErrInternal)
		if len(list) != 0 {
			t.Errorf("list = %+v", list)
		}
		if err := b.Remove(t.Context(), c.ID, vzcontract.RemoveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestImageLabel: an image cannot make its containers sandboxes.
func TestImageLabel(t *testing.T) {
	h, b, _ := newHost(t)
	c, err := b.Create(t.Context(), vzcontract.RunConfig{Image: fake.Builtin, Args: []string{"true"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Commit(t.Context(), c.ID, vzcontract.CommitOptions{Ref: "labelled", Changes: []string{"LABEL vz.sandbox={}"}}); err != nil {
		t.Fatal(err)
	}
	c, err = b.Create(t.Context(), vzcontract.RunConfig{Image: "labelled", Args: []string{"true"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Open(t.Context(), c.ID)
	wantClass(t, "open", err, vzcontract.ErrNotFound)
}

// TestIdle removes by the clock of a bubble.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fake.New()
		defer func() { _ = b.Close() }()
		dir := t.TempDir()
		h := hostAt(t, b, dir)
		tmpl := plain
		tmpl.IdleTimeout = time.Hour
		s := create(t, h, tmpl, vzsandbox.CreateOptions{})
		other, err := h.Open(t.Context(), s.ID())
		if err != nil {
			t.Fatal(err)
		}
		gone := func() bool {
			synctest.Wait()
			_, err := b.Inspect(t.Context(), s.ID())
			return err != nil
		}
		shell(t, s, "sleep 7200") // work is no idleness
		pass(time.Hour - time.Second)
		if gone() {
			t.Fatal("it was removed early")
		}
		p, err := other.Start(t.Context(), vzsandbox.Command{Args: []string{"sleep", "100000"}})
		if err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Hour)
		if gone() {
			t.Fatal("it was removed while another handle worked")
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := other.KeepAlive(); err != nil {
			t.Error(err)
		}
		pass(time.Hour - time.Minute)
		if gone() {
			t.Fatal("it was removed though it was kept alive")
		}
		pass(2 * time.Minute)
		if !gone() {
			t.Fatal("it was not removed")
		}
		wantClass(t, "a removed one", s.KeepAlive(), vzcontract.ErrNotFound)
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 2 || entries[0].Name() != "creation.lock" || entries[1].Name() != "records.lock" {
			t.Errorf("files left: %v, %v", entries, err)
		}
	})
}
