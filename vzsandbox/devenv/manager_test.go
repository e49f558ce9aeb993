package devenv_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake"
	"vz.internal/vzsandbox/devenv"
	"vz.internal/vzsandbox/devfile"
)

// An env is a project with a manager on the backend in memory.
type env struct {
	*testing.T
	devenv.Manager
	dir string

	mu   sync.Mutex
	told []string // guarded by mu
}

func newEnv(t *testing.T, file string) *env {
	t.Helper()
	b, err := fake.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	e := &env{T: t, dir: resolved(t, t.TempDir())}
	e.Manager = devenv.Manager{Backend: b, Home: t.TempDir(), Run: t.TempDir(), Tell: func(line string) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.told = append(e.told, line)
	}}
	e.write(file)
	return e
}

func resolved(t *testing.T, dir string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func (e *env) write(file string) {
	e.Helper()
	if err := os.WriteFile(filepath.Join(e.dir, devfile.Name), []byte(file), 0o644); err != nil {
		e.Fatal(err)
	}
}

func (e *env) project() devenv.Project {
	e.Helper()
	p, err := devenv.Open(e.dir)
	if err != nil {
		e.Fatal(err)
	}
	return p
}

func (e *env) ensure() vzcontract.ContainerInfo {
	e.Helper()
	c, err := e.Ensure(e.Context(), e.project())
	if err != nil {
		e.Fatal(err)
	}
	if c.State != vzcontract.StateRunning {
		e.Fatalf("the environment is %s", c.State)
	}
	return c
}

// run runs a shell line in the project as a person would.
func (e *env) run(line string) string {
	e.Helper()
	c := e.ensure()
	cfg := e.project().Exec(e.dir, "sh", "-c", line)
	var out bytes.Buffer
	cfg.Stdio.Out, cfg.Stdio.Err = &out, &out
	s, err := e.Backend.Exec(e.Context(), c.ID, cfg)
	if err != nil {
		e.Fatal(err)
	}
	if _, err := s.Wait(e.Context()); err != nil {
		e.Fatal(err)
	}
	return out.String()
}

func (e *env) names() []string {
	e.Helper()
	all, err := e.Backend.List(e.Context())
	if err != nil {
		e.Fatal(err)
	}
	names := []string{}
	for _, c := range all {
		names = append(names, c.Name)
	}
	return names
}

func (e *env) log() string {
	e.Helper()
	r, err := e.Log(e.project())
	if err != nil {
		e.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		e.Fatal(err)
	}
	return string(text)
}

func TestEnsureStartsAndReuses(t *testing.T) {
	e := newEnv(t, `{"image": "vz:builtin", "setup": ["echo made > /made; echo writes"], "env": {"A": "b"}, "ports": [8099],
		"resources": {"cpus": 0.5, "memory": "64m"}}`)
	c := e.ensure()
	if got := e.run("cat /made; echo $A; pwd; echo kept > /workspace/f; echo state > /state || echo only root writes here"); !strings.HasPrefix(got, "made\nb\n/workspace\n") {
		t.Errorf("the program writes %q", got)
	}
	if text, err := os.ReadFile(filepath.Join(e.dir, "f")); string(text) != "kept\n" {
		t.Errorf("the file on the host is %q, %v", text, err)
	}
	cfg := c.Config
	if !cfg.Idle || cfg.NetworkMode != "bridge" || cfg.Resources.Memory != 64<<20 || cfg.Resources.NanoCPUs != 5e8 ||
		!slices.Equal(cfg.Ports, []vzcontract.PortMapping{{HostIP: "127.0.0.1", HostPort: 8099, ContainerPort: 8099, Protocol: "tcp"}}) ||
		!reflect.DeepEqual(cfg.Mounts, []vzcontract.Mount{{Type: vzcontract.MountBind, Source: e.dir, Target: "/workspace"}}) {
		t.Errorf("the container is %+v", cfg)
	}
	if again := e.ensure(); again.ID != c.ID {
		t.Error("the second Ensure made another container")
	}
	if want := []string{"setup 1/1: echo made > /made; echo writes"}; !slices.Equal(e.told, want) {
		t.Errorf("told %q, want %q", e.told, want)
	}
	if got, want := e.log(), "setup 1/1: echo made > /made; echo writes\nwrites\n"; got != want {
		t.Errorf("the log is %q, want %q", got, want)
	}
}

func TestEnsureAfterStop(t *testing.T) {
	e := newEnv(t, `{"image": "vz:builtin"}`)
	c := e.ensure()
	if err := e.Stop(t.Context(), e.project()); err != nil {
		t.Fatal(err)
	}
	if s, err := e.Status(t.Context(), e.project()); err != nil || s.State != vzcontract.StateStopped {
		t.Errorf("Status = %+v, %v", s, err)
	}
	if again := e.ensure(); again.ID != c.ID {
		t.Error("a stopped environment is not started again")
	}
	if err := e.Remove(t.Context(), e.project()); err != nil {
		t.Fatal(err)
	}
	if names := e.names(); len(names) != 0 {
		t.Errorf("containers %q are left", names)
	}
	for name, f := range map[string]func(context.Context, devenv.Project) error{"Stop": e.Stop, "Remove": e.Remove} {
		if err := f(t.Context(), e.project()); !errors.Is(err, vzcontract.ErrNotFound) {
			t.Errorf("%s of nothing: %v", name, err)
		}
	}
	if _, err := e.Log(e.project()); !errors.Is(err, vzcontract.ErrNotFound) {
		t.Errorf("Log of nothing: %v", err)
	}
}

func TestEnsureNoticesChange(t *testing.T) {
	e := newEnv(t, `{"image": "vz:builtin"}`)
	c := e.ensure()
	e.write(`{ "image": "vz:builtin" , "ports": [] }`)
	if again := e.ensure(); again.ID != c.ID || len(e.told) != 0 {
		t.Errorf("the same said otherwise makes another environment: %q", e.told)
	}
	e.write(`{"image": "vz:builtin", "env": {"A": "b"}}`)
	if s, err := e.Status(t.Context(), e.project()); err != nil || !s.Changed || s.State != vzcontract.StateRunning {
		t.Errorf("Status = %+v, %v", s, err)
	}
	if again := e.ensure(); again.ID == c.ID {
		t.Error("a changed vz.json leaves the environment as it was")
	}
	if want := []string{"vz.json has changed: the environment is made anew"}; !slices.Equal(e.told, want) {
		t.Errorf("told %q, want %q", e.told, want)
	}
	if s, err := e.Status(t.Context(), e.project()); err != nil || s.Changed {
		t.Errorf("Status = %+v, %v", s, err)
	}
}

func TestEnsureTellsWhatEnds(t *testing.T) {
	e := newEnv(t, `{"image": "vz:builtin"}`)
	c := e.ensure()
	cfg := e.project().Exec(e.dir, "sleep", "1000")
	s, err := e.Backend.Exec(t.Context(), c.ID, cfg)
	if err != nil {
		t.Fatal(err)
	}
	e.write(`{"image": "vz:builtin", "env": {"A": "b"}}`)
	e.ensure()
	if want := []string{"vz.json has changed: the environment is made anew, what runs in it ends (sleep 1000)"}; !slices.Equal(e.told, want) {
		t.Errorf("told %q, want %q", e.told, want)
	}
	if status, err := s.Wait(t.Context()); err != nil || status.Code != 137 {
		t.Errorf("the program ended with %+v, %v", status, err)
	}
}

func TestEnsureKeepsOldWhenSetupFails(t *testing.T) {
	e := newEnv(t, `{"image": "vz:builtin"}`)
	c := e.ensure()
	e.write(`{"image": "vz:builtin", "setup": ["echo why; exit 4"]}`)
	if _, err := e.Ensure(t.Context(), e.project()); err == nil || !strings.Contains(err.Error(), "exit code 4") {
		t.Errorf("Ensure: %v", err)
	}
	if old, err := e.Backend.Inspect(t.Context(), c.ID); err != nil || old.State != vzcontract.StateRunning {
		t.Errorf("the old environment is %s, %v", old.State, err)
	}
	if got := e.log(); !strings.Contains(got, "why\n") || !strings.Contains(got, "exit code 4") {
		t.Errorf("the log is %q", got)
	}
}

func TestEnsureTogether(t *testing.T) {
	e := newEnv(t, `{"image": "vz:builtin", "setup": ["echo run"]}`)
	p := e.project()
	ids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			c, err := e.Ensure(t.Context(), p)
			if err != nil {
				t.Error(err)
			}
			ids[i] = c.ID
		})
	}
	wg.Wait()
	if len(slices.Compact(ids)) != 1 || len(e.names()) != 1 {
		t.Errorf("environments %q, containers %q", ids, e.names())
	}
}

// What a manager that was killed leaves is thrown away: a container that never
// ran may lack what is put into it before.
func TestEnsureAfterKill(t *testing.T) {
	e := newEnv(t, `{"image": "vz:builtin"}`)
	made := e.ensure()
	if err := e.Backend.Remove(t.Context(), made.ID, vzcontract.RemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	left, err := e.Backend.Create(t.Context(), made.Config)
	if err != nil {
		t.Fatal(err)
	}
	if c := e.ensure(); c.ID == left.ID {
		t.Error("a container that was never started is taken for an environment")
	}
	if names := e.names(); len(names) != 1 {
		t.Errorf("containers %q", names)
	}
}

func TestRenew(t *testing.T) {
	e := newEnv(t, `{"image": "vz:builtin", "setup": ["echo run >> /runs"]}`)
	c := e.ensure()
	again, err := e.Renew(t.Context(), e.project())
	if err != nil {
		t.Fatal(err)
	}
	if again.ID == c.ID || again.ImageID == c.ImageID || len(e.told) != 2 {
		t.Errorf("container %s and image %s are the same, or no setup ran: %q", c.ID, c.ImageID, e.told)
	}
	if _, err := e.Backend.(vzcontract.Images).InspectImage(t.Context(), c.ImageID); !errors.Is(err, vzcontract.ErrNotFound) {
		t.Errorf("the old outcome of the setup: %v", err)
	}
	if got := e.run("cat /runs"); got != "run\n" {
		t.Errorf("the setup ran in the outcome of the last one: %q", got)
	}
}

func TestEnsureUsesCachedSetup(t *testing.T) {
	e := newEnv(t, `{"image": "vz:builtin", "setup": ["true"]}`)
	e.ensure()
	if err := e.Remove(t.Context(), e.project()); err != nil {
		t.Fatal(err)
	}
	c := e.ensure()
	if want := []string{"setup 1/1: true"}; !slices.Equal(e.told, want) {
		t.Errorf("told %q, want %q", e.told, want)
	}
	if got := e.log(); got != "setup: taken from the cache, "+c.Image+"\n" {
		t.Errorf("the log is %q", got)
	}
}

func TestEnsureMovedProject(t *testing.T) {
	e := newEnv(t, `{"image": "vz:builtin", "ports": [8098]}`)
	before := e.ensure()
	moved := e.dir + "-moved"
	if err := os.Rename(e.dir, moved); err != nil {
		t.Fatal(err)
	}
	old := e.dir
	e.dir = moved
	after := e.ensure()
	if names := e.names(); !slices.Equal(names, []string{after.Name}) || after.Name == before.Name {
		t.Errorf("containers %q after a move, %s before", names, before.Name)
	}
	if want := []string{moved + " was " + old + " before: its environment there is removed"}; !slices.Equal(e.told, want) {
		t.Errorf("told %q, want %q", e.told, want)
	}
}

// Another directory at the same place: the container would see the one that is gone.
func TestEnsureReplacedProject(t *testing.T) {
	e := newEnv(t, `{"image": "vz:builtin"}`)
	c := e.ensure()
	if err := os.Rename(e.dir, e.dir+"-old"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(e.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	e.write(`{"image": "vz:builtin"}`)
	if again := e.ensure(); again.ID == c.ID {
		t.Error("the environment shows a directory that is not the project's any more")
	}
	if want := []string{e.dir + " is another directory than before: the environment is made anew"}; !slices.Equal(e.told, want) {
		t.Errorf("told %q, want %q", e.told, want)
	}
}

func TestEnsureRefuses(t *testing.T) {
	for _, tt := range []struct {
		file  string
		class error
		want  string
	}{
		{`{"image": "vz:builtin", "resources": {"disk": "1g"}}`, vzcontract.ErrUnsupported, "resources.disk: backend fake cannot limit"},
		{`{"image": "vz:builtin", "mounts": [{"source": "none", "target": "x"}]}`, vzcontract.ErrValidation, "mounts[0].source: stat "},
		{`{"image": "nowhere/none:1"}`, vzcontract.ErrNotFound, "nowhere/none:1"},
	} {
		e := newEnv(t, tt.file)
		_, err := e.Ensure(t.Context(), e.project())
		if !errors.Is(err, tt.class) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.file, err, tt.want)
		}
		if names := e.names(); len(names) != 0 {
			t.Errorf("%s: containers %q are left", tt.file, names)
		}
	}
}

func TestEnsureLeavesForeignContainerAlone(t *testing.T) {
	e := newEnv(t, `{"image": "vz:builtin"}`)
	p := e.project()
	if _, err := e.Backend.Create(t.Context(), vzcontract.RunConfig{Name: p.Name(), Image: "vz:builtin"}); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(context.Context, devenv.Project) (vzcontract.ContainerInfo, error){"Ensure": e.Ensure, "Renew": e.Renew} {
		if _, err := f(t.Context(), p); !errors.Is(err, vzcontract.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if names := e.names(); len(names) != 1 {
		t.Errorf("containers %q", names)
	}
}
