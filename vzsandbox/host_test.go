package vzsandbox_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake"
	"vz.internal/vzsandbox"
)

// plain is the least template.
var plain = vzsandbox.Template{Image: fake.Builtin}

// newHost returns a host on a fake backend, with projects below its second result.
func newHost(t *testing.T) (h *vzsandbox.Host, b *fake.Backend, root string) {
	t.Helper()
	b, root = fake.New(), t.TempDir()
	t.Cleanup(func() { _ = b.Close() })
	return hostOn(t, b, root), b, root
}

func hostOn(t *testing.T, b vzcontract.RuntimeBackend, root string) *vzsandbox.Host {
	t.Helper()
	h, err := vzsandbox.New(b, vzsandbox.Options{Dir: filepath.Join(t.TempDir(), "sandboxes"), Root: root})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func create(t *testing.T, h *vzsandbox.Host, tmpl vzsandbox.Template, opts vzsandbox.CreateOptions) *vzsandbox.Sandbox {
	t.Helper()
	s, err := h.Create(t.Context(), tmpl, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// shell runs a line and returns what it wrote; it must succeed.
func shell(t *testing.T, s *vzsandbox.Sandbox, line string) string {
	t.Helper()
	r, err := s.Run(context.WithoutCancel(t.Context()), vzsandbox.Command{Args: []string{"sh", "-c", line}})
	if err != nil || r.Exit.Code != 0 {
		t.Fatalf("%s: %+v, %v; %s", line, r.Exit, err, r.Stderr)
	}
	return string(r.Stdout)
}

func wantClass(t *testing.T, what string, err, class error) {
	t.Helper()
	if !errors.Is(err, class) {
		t.Errorf("%s: error = %v, want one of class %v", what, err, class)
	}
}

func TestLife(t *testing.T) {
	h, b, _ := newHost(t)
	s := create(t, h, plain, vzsandbox.CreateOptions{
		Name: "box", Labels: map[string]string{"who": "me"}, Metadata: map[string]string{"task": "7"},
	})
	_, err := h.Create(t.Context(), plain, vzsandbox.CreateOptions{Name: "box"})
	wantClass(t, "a name in use", err, vzcontract.ErrConflict)
	again, err := h.Open(t.Context(), "box")
	if err != nil || again.ID() != s.ID() || again.Name() != "box" || again.Workspace() != "/workspace" {
		t.Fatalf("open = %+v, %v", again, err)
	}
	if got := shell(t, again, "pwd; id -u"); got != "/workspace\n0\n" {
		t.Errorf("output = %q", got)
	}
	other, err := b.Create(t.Context(), vzcontract.RunConfig{Name: "other", Image: fake.Builtin, Args: []string{"true"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Open(t.Context(), "other")
	wantClass(t, "open a container", err, vzcontract.ErrNotFound)
	list, err := h.List(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("list = %+v, %v", list, err)
	}
	i := list[0]
	if i.Name != "box" || i.State != vzcontract.SandboxReady || i.Labels["who"] != "me" || i.Labels[vzsandbox.Label] != "" ||
		i.Metadata["task"] != "7" || i.LastUsed.IsZero() || i.Template.Image != fake.Builtin {
		t.Errorf("list has %+v", i)
	}
	if err := s.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantClass(t, "a second remove", again.Remove(t.Context()), vzcontract.ErrNotFound)
	_, err = again.Run(t.Context(), vzsandbox.Command{Args: []string{"true"}})
	wantClass(t, "run in a removed sandbox", err, vzcontract.ErrNotFound)
	if left, err := b.List(t.Context()); err != nil || len(left) != 1 || left[0].ID != other.ID {
		t.Errorf("containers left: %+v, %v", left, err)
	}
}

// TestDefaults holds what a template without a word means.
func TestDefaults(t *testing.T) {
	h, b, _ := newHost(t)
	s := create(t, h, plain, vzsandbox.CreateOptions{})
	c, err := b.Inspect(t.Context(), s.ID())
	if err != nil {
		t.Fatal(err)
	}
	sec := c.Config.Security
	if c.Config.NetworkMode != "none" || !sec.NoNewPrivileges || len(sec.CapDrop) != 1 || sec.CapDrop[0] != "ALL" ||
		c.Config.Resources.PidsLimit != vzsandbox.DefaultPids || !c.Config.Idle {
		t.Errorf("the container of a plain sandbox is %+v", c.Config)
	}
}

// TestAllowList: the backend is told what may be reached.
func TestAllowList(t *testing.T) {
	h, b, _ := newHost(t)
	tmpl := plain
	tmpl.Network = vzsandbox.Network{Mode: vzsandbox.NetworkAllow, Allow: []string{"*.example.com:443", "192.0.2.0/24"}}
	s := create(t, h, tmpl, vzsandbox.CreateOptions{})
	c, err := b.Inspect(t.Context(), s.ID())
	if err != nil {
		t.Fatal(err)
	}
	if c.Config.Egress == nil || !slices.Equal(c.Config.Egress.Allow, tmpl.Network.Allow) || c.Config.NetworkMode != "" {
		t.Errorf("the container may reach %+v on network %q", c.Config.Egress, c.Config.NetworkMode)
	}
}

// TestRefused asks for what is wrong or cannot be enforced; nothing must be left.
func TestRefused(t *testing.T) {
	h, b, root := newHost(t)
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	with := func(change func(*vzsandbox.Template)) vzsandbox.Template {
		tmpl := plain
		change(&tmpl)
		return tmpl
	}
	tests := []struct {
		name  string
		tmpl  vzsandbox.Template
		opts  vzsandbox.CreateOptions
		class error
	}{
		{"no image", vzsandbox.Template{}, vzsandbox.CreateOptions{}, vzcontract.ErrValidation},
		{"missing image", vzsandbox.Template{Image: "nobody/nothing"}, vzsandbox.CreateOptions{}, vzcontract.ErrNotFound},
		{"workspace /", with(func(t *vzsandbox.Template) { t.Workspace = "/" }), vzsandbox.CreateOptions{}, vzcontract.ErrValidation},
		{"negative time", with(func(t *vzsandbox.Template) { t.TTL = -1 }), vzsandbox.CreateOptions{}, vzcontract.ErrValidation},
		{"negative limit", with(func(t *vzsandbox.Template) { t.Limits.Memory = -1 }), vzsandbox.CreateOptions{}, vzcontract.ErrValidation},
		{"disk", with(func(t *vzsandbox.Template) { t.Limits.Disk = 1 << 30 }), vzsandbox.CreateOptions{}, vzcontract.ErrUnsupported},
		{"unknown network", with(func(t *vzsandbox.Template) { t.Network.Mode = "lan" }), vzsandbox.CreateOptions{}, vzcontract.ErrValidation},
		{"empty allow list", with(func(t *vzsandbox.Template) { t.Network.Mode = vzsandbox.NetworkAllow }), vzsandbox.CreateOptions{}, vzcontract.ErrValidation},
		{"wrong allow list", with(func(t *vzsandbox.Template) {
			t.Network = vzsandbox.Network{Mode: vzsandbox.NetworkAllow, Allow: []string{"two words"}}
		}), vzsandbox.CreateOptions{}, vzcontract.ErrValidation},
		{"setup", with(func(t *vzsandbox.Template) { t.Setup = []string{"true"} }), vzsandbox.CreateOptions{}, vzcontract.ErrUnsupported},
		{"empty setup", with(func(t *vzsandbox.Template) { t.Setup = []string{" "} }), vzsandbox.CreateOptions{}, vzcontract.ErrValidation},
		{"reserved label", plain, vzsandbox.CreateOptions{Labels: map[string]string{"vz.sandbox": "x"}}, vzcontract.ErrValidation},
		{"bad name", plain, vzsandbox.CreateOptions{Name: "a/b"}, vzcontract.ErrValidation},
		{"project outside", plain, vzsandbox.CreateOptions{Project: &vzsandbox.Project{Dir: outside}}, vzcontract.ErrDenied},
		{"project by a link", plain, vzsandbox.CreateOptions{Project: &vzsandbox.Project{Dir: root + "/link"}}, vzcontract.ErrDenied},
		{"project by dots", plain, vzsandbox.CreateOptions{Project: &vzsandbox.Project{Dir: root + "/.."}}, vzcontract.ErrDenied},
		{"relative project", plain, vzsandbox.CreateOptions{Project: &vzsandbox.Project{Dir: "x"}}, vzcontract.ErrValidation},
		{"missing project", plain, vzsandbox.CreateOptions{Project: &vzsandbox.Project{Dir: root + "/none"}}, vzcontract.ErrValidation},
		{"writable copy", plain, vzsandbox.CreateOptions{Project: &vzsandbox.Project{Dir: root, Copy: true, Writable: true}}, vzcontract.ErrValidation},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := h.Create(t.Context(), tt.tmpl, tt.opts)
			wantClass(t, "create", err, tt.class)
		})
	}
	if left, err := b.List(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("containers left: %+v, %v", left, err)
	}
	without := hostOn(t, b, "")
	_, err := without.Create(t.Context(), plain, vzsandbox.CreateOptions{Project: &vzsandbox.Project{Dir: root}})
	wantClass(t, "a project without a root", err, vzcontract.ErrDenied)
}
