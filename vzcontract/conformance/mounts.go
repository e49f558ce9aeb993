package conformance

import (
	"os"
	"path/filepath"
	"strings"

	"vz.internal/vzcontract"
)

var mountChecks = []check{
	{name: "mount-bind", run: mountBind},
	{name: "mount-bind-file", run: mountBindFile},
	{name: "mount-bind-read-only", run: mountBindReadOnly},
	{name: "mount-bind-create", run: mountBindCreate},
	{name: "mount-tmpfs", run: mountTmpfs},
	{name: "mount-nested", run: mountNested},
	{name: "read-only-root", run: readOnlyRoot},
	{name: "root-is-private", run: rootIsPrivate},
}

func bind(source, target string) vzcontract.Mount {
	return vzcontract.Mount{Type: vzcontract.MountBind, Source: source, Target: target}
}

func (e *env) hostFile(dir, name, text string) string {
	e.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil { //nolint:gosec // read by a container's users
		e.Fatal(err)
	}
	return file
}

func mountBind(e *env) {
	dir := e.TempDir()
	e.hostFile(dir, "in", "from host\n")
	cfg := e.config("sh", "-c", "cat /data/in; echo from container > /data/out")
	cfg.Mounts = []vzcontract.Mount{bind(dir, "/data")}
	if got := e.output(cfg); got != "from host\n" {
		e.Errorf("read through the bind = %q", got)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "out")); err != nil || string(got) != "from container\n" {
		e.Errorf("the host reads %q, %v", got, err)
	}
	info := e.create(cfg)
	if len(info.Mounts) != 1 || info.Mounts[0].Source != dir || info.Mounts[0].Target != "/data" || info.Mounts[0].ReadOnly {
		e.Errorf("info.Mounts = %+v", info.Mounts)
	}
}

func mountBindFile(e *env) {
	file := e.hostFile(e.TempDir(), "one", "just this\n")
	cfg := e.config("sh", "-c", "cat /etc/one; ls /etc/one")
	cfg.Mounts = []vzcontract.Mount{bind(file, "/etc/one")}
	if got := e.output(cfg); got != "just this\n/etc/one\n" {
		e.Errorf("file through the bind = %q", got)
	}
}

func mountBindReadOnly(e *env) {
	dir := e.TempDir()
	e.hostFile(dir, "in", "x\n")
	cfg := e.config("sh", "-c", "cat /data/in; echo y > /data/in || echo refused; rm /data/in || echo refused; mkdir /data/d || echo refused")
	m := bind(dir, "/data")
	m.ReadOnly = true
	cfg.Mounts = []vzcontract.Mount{m}
	if r := e.run(cfg, nil); r.stdout != "x\nrefused\nrefused\nrefused\n" {
		e.Errorf("read-only bind gave %q (stderr %q)", r.stdout, r.stderr)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "in")); err != nil || string(got) != "x\n" {
		e.Errorf("the file of a read-only bind is now %q, %v", got, err)
	}
}

func mountBindCreate(e *env) {
	dir := filepath.Join(e.TempDir(), "new", "dir")
	cfg := e.config("sh", "-c", "echo x > /data/f")
	m := bind(dir, "/data")
	m.CreateSource = true
	cfg.Mounts = []vzcontract.Mount{m}
	e.output(cfg)
	if _, err := os.Stat(filepath.Join(dir, "f")); err != nil {
		e.Error(err)
	}
}

func mountTmpfs(e *env) {
	cfg := e.config("sh", "-c", "ls /scratch; echo x > /scratch/f; cat /scratch/f")
	cfg.Mounts = []vzcontract.Mount{{Type: vzcontract.MountTmpfs, Target: "/scratch"}}
	info := e.create(cfg)
	for range 2 { // it is empty again after a restart
		if _, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{}); err != nil {
			e.Fatal(err)
		}
		e.wait(info.ID)
	}
	if got := e.logs(info.ID, vzcontract.LogOptions{Tail: -1}); got != "x\nx\n" {
		e.Errorf("tmpfs gave %q, want x twice", got)
	}
}

// mountNested puts one mount inside another, given in the wrong order.
func mountNested(e *env) {
	outer, inner := e.TempDir(), e.TempDir()
	e.hostFile(outer, "o", "outer\n")
	e.hostFile(inner, "i", "inner\n")
	cfg := e.config("cat", "/a/o", "/a/b/i")
	cfg.Mounts = []vzcontract.Mount{bind(inner, "/a/b"), bind(outer, "/a")}
	if err := os.Mkdir(filepath.Join(outer, "b"), 0o755); err != nil { //nolint:gosec // read by a container's users
		e.Fatal(err)
	}
	if got := e.output(cfg); got != "outer\ninner\n" {
		e.Errorf("nested mounts gave %q", got)
	}
}

func readOnlyRoot(e *env) {
	cfg := e.config("sh", "-c", "echo x > /file || echo refused; echo y > /scratch/f && cat /scratch/f; echo z > /dev/shm/f && cat /dev/shm/f; echo n > /dev/null && echo null")
	cfg.ReadOnly = true
	cfg.Mounts = []vzcontract.Mount{{Type: vzcontract.MountTmpfs, Target: "/scratch"}}
	if r := e.run(cfg, nil); r.stdout != "refused\ny\nz\nnull\n" {
		e.Errorf("read-only root gave %q (stderr %q)", r.stdout, r.stderr)
	}
}

// rootIsPrivate: what one container writes no other one sees, nor the source.
func rootIsPrivate(e *env) {
	e.output(e.config("sh", "-c", "echo x > /mark; rm /etc/group; echo y > /etc/passwd"))
	r := e.run(e.config("sh", "-c", "ls /mark || echo none; ls /etc/group; head -n 1 /etc/passwd"), nil)
	if !strings.HasPrefix(r.stdout, "none\n/etc/group\nroot:") {
		e.Errorf("the second container sees %q", r.stdout)
	}
	if e.rootfs != "" {
		if _, err := os.Lstat(filepath.Join(e.rootfs, "mark")); err == nil {
			e.Error("the container's write reached the root directory it was made from")
		}
	}
}
