package poolsocket

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake"
	"vz.internal/vzsandbox"
	"vz.internal/vzsandbox/channel"
)

// A served is a pool on the fake backend that answers at a socket.
type served struct {
	dir  Directory
	host *vzsandbox.Host
	root string // of projects
	end  context.CancelFunc
	done chan struct{}
	err  error // of Serve, once done is closed
}

func serve(t *testing.T, dir Directory) *served {
	t.Helper()
	b := fake.New()
	t.Cleanup(func() { _ = b.Close() })
	s := &served{dir: dir, root: t.TempDir(), done: make(chan struct{})}
	var err error
	s.host, err = vzsandbox.New(b, vzsandbox.Options{Dir: filepath.Join(t.TempDir(), "sandboxes"), Root: s.root})
	if err != nil {
		t.Fatal(err)
	}
	lock, err := dir.Lock("p")
	if err != nil {
		t.Fatal(err)
	}
	pool, err := s.host.NewPool(t.Context(), vzsandbox.Template{Image: fake.Builtin}, vzsandbox.PoolOptions{Name: "p", Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	l, err := lock.Listen()
	if err != nil {
		t.Fatal(err)
	}
	server := Server{Pool: pool, Size: 1, Image: fake.Builtin, End: func() error {
		return errors.Join(pool.Close(context.Background()), lock.Release())
	}}
	ctx, cancel := context.WithCancel(context.Background())
	s.end = cancel
	go func() {
		defer close(s.done)
		s.err = server.Serve(ctx, l)
	}()
	t.Cleanup(func() {
		cancel()
		<-s.done
	})
	return s
}

// wait returns what Serve does.
func (s *served) wait() error {
	<-s.done
	return s.err
}

func (s *served) dial(t *testing.T) *Client {
	t.Helper()
	c, err := s.dir.Dial(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (s *served) names(t *testing.T) string {
	t.Helper()
	all, err := s.host.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range all {
		names = append(names, i.Name)
	}
	return strings.Join(names, " ")
}

func wantClass(t *testing.T, what string, err, class error) {
	t.Helper()
	if !errors.Is(err, class) {
		t.Errorf("%s: error = %v, want one of class %v", what, err, class)
	}
}

func TestAcquireAndStop(t *testing.T) {
	s := serve(t, Directory(t.TempDir()))
	c := s.dial(t)
	got, err := c.Acquire(t.Context(), AcquireRequest{Wait: true, Name: "mine", Metadata: map[string]string{"task": "7"}})
	if err != nil || got.Name != "mine" || got.ID == "" || got.Workspace != "/workspace" {
		t.Fatalf("acquire = %+v, %v", got, err)
	}
	_, err = c.Acquire(t.Context(), AcquireRequest{Wait: true, Project: &vzsandbox.Project{Dir: "/", Copy: true}})
	wantClass(t, "a project outside of the root", err, vzcontract.ErrDenied)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}

	c = s.dial(t)
	st, err := c.Status(t.Context())
	if err != nil || st.Name != "p" || st.Size != 1 || st.Image != fake.Builtin || st.PID != os.Getpid() || st.Since.IsZero() || st.Error != "" {
		t.Errorf("status = %+v, %v", st, err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.names(t); got != "mine" {
		t.Errorf("after the end there are %q, want the sandbox that was acquired alone", got)
	}
	lock, err := s.dir.Lock("p") // free as soon as Stop has returned
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(lock.Release(), c.Close(), s.wait()); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(string(s.dir)); err != nil || len(left) > 0 {
		t.Errorf("files left: %v, %v", left, err)
	}
	_, err = s.dir.Dial(t.Context(), "p")
	wantClass(t, "dial after the end", err, vzcontract.ErrNotFound)
}

// TestNotTaken hangs up after a sandbox was handed out and before its name has arrived:
// nobody would know of it.
func TestNotTaken(t *testing.T) {
	s := serve(t, Directory(t.TempDir()))
	conn, err := s.dir.dial(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	calls := channel.New[request, response](conn)
	answer, err := calls.Call(t.Context(), request{Acquire: &AcquireRequest{Wait: true, Name: "mine"}})
	if err != nil || answer.Acquired == nil {
		t.Fatalf("acquire = %+v, %v", answer, err)
	}
	if err := calls.Close(); err != nil {
		t.Fatal(err)
	}
	s.end()
	if err := s.wait(); err != nil {
		t.Fatal(err)
	}
	if got := s.names(t); got != "" {
		t.Errorf("sandboxes left: %s", got)
	}
}

func TestUnknownRequest(t *testing.T) {
	s := serve(t, Directory(t.TempDir()))
	_, err := s.dial(t).calls.Call(t.Context(), request{})
	wantClass(t, "a request that asks for nothing", err, vzcontract.ErrUnsupported)
}

// TestAcquireAfterEnd asks over a connection that is older than the end of the pool.
func TestAcquireAfterEnd(t *testing.T) {
	s := serve(t, Directory(t.TempDir()))
	c := s.dial(t)
	if _, err := c.Acquire(t.Context(), AcquireRequest{Wait: true}); err != nil {
		t.Fatal(err)
	}
	s.end()
	if err := s.wait(); err != nil {
		t.Fatal(err)
	}
	_, err := c.Acquire(t.Context(), AcquireRequest{Wait: true})
	if !errors.Is(err, vzcontract.ErrUnavailable) && !errors.Is(err, vzcontract.ErrConflict) {
		t.Errorf("acquire after the end: %v", err)
	}
}

func TestOnePoolOfAName(t *testing.T) {
	dir := Directory(filepath.Join(t.TempDir(), "sandboxes"))
	lock, err := dir.Lock("p")
	if err != nil {
		t.Fatal(err)
	}
	_, err = dir.Lock("p")
	wantClass(t, "a second lock", err, vzcontract.ErrConflict)
	_, err = dir.Lock("../p")
	wantClass(t, "a name with a path", err, vzcontract.ErrValidation)
	_, err = dir.Dial(t.Context(), "../p")
	wantClass(t, "dial a name with a path", err, vzcontract.ErrNotFound)
	if info, err := os.Stat(string(dir)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode of the directory: %v, %v", info.Mode(), err)
	}
	l, err := lock.Listen()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir.Socket("p")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the socket: %v, %v", info.Mode(), err)
	}
	if err := errors.Join(l.Close(), lock.Release()); err != nil {
		t.Fatal(err)
	}
}

// TestDead finds what a killed process leaves: a socket that nobody listens on and a lock
// that nobody has.
func TestDead(t *testing.T) {
	dir := Directory(t.TempDir())
	leave := func() {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dir.Socket("p"), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		if err := errors.Join(l.Close(), os.WriteFile(filepath.Join(string(dir), "p.lock"), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	_, err := dir.Dial(t.Context(), "p")
	wantClass(t, "dial a dead pool", err, vzcontract.ErrNotFound)
	all, err := dir.List(t.Context())
	if err != nil || len(all) != 1 || all[0].Name != "p" || !all[0].Dead {
		t.Errorf("list = %+v, %v", all, err)
	}
	if err := dir.Sweep(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(string(dir)); err != nil || len(left) > 0 {
		t.Errorf("files left: %v, %v", left, err)
	}

	leave()
	s := serve(t, dir) // in the place of the dead one
	c := s.dial(t)
	if err := dir.Sweep(); err != nil { // which leaves the living
		t.Fatal(err)
	}
	if _, err := c.Status(t.Context()); err != nil {
		t.Error(err)
	}
	if all, err := dir.List(t.Context()); err != nil || len(all) != 1 || all[0].Dead {
		t.Errorf("list = %+v, %v", all, err)
	}
}
