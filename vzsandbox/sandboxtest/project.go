package sandboxtest

import (
	"net"
	"os"
	"path/filepath"

	"vz.internal/vzsandbox"
)

var projectChecks = []check{
	{name: "project-mounted", run: projectMounted},
	{name: "project-writable", run: projectWritable},
	{name: "project-copied", run: projectCopied, needs: vzsandbox.AbilityCopy},
}

// project makes a directory with files, a link out of it and a socket.
func (e *env) project() string {
	e.Helper()
	dir := filepath.Join(e.root, "project")
	e.must(os.MkdirAll(filepath.Join(dir, "sub"), 0o755))
	e.must(os.WriteFile(filepath.Join(dir, "file"), []byte("from the host\n"), 0o644))
	e.must(os.WriteFile(filepath.Join(dir, "sub/run"), []byte("#!/bin/sh\necho it runs\n"), 0o755))
	e.must(os.Symlink("/etc/shadow", filepath.Join(dir, "link")))
	at, err := os.Getwd()
	e.must(err)
	e.must(os.Chdir(dir)) // a socket's path must be short
	l, err := net.Listen("unix", "socket")
	e.must(err)
	e.must(os.Chdir(at))
	e.Cleanup(func() { _ = l.Close() })
	return dir
}

func projectMounted(e *env) {
	dir := e.project()
	s := e.create(vzsandbox.CreateOptions{Project: &vzsandbox.Project{Dir: dir}})
	e.want(s, "cat file; sub/run", "from the host\nit runs\n")
	if r := e.run(s, "echo x > new"); r.Exit.Code == 0 {
		e.Error("a project that is not writable was written to")
	}
	e.must(os.WriteFile(filepath.Join(dir, "later"), []byte("later\n"), 0o644))
	e.want(s, "cat later", "later\n")
	if p := e.info(s).Project; p == nil || p.Dir != dir || p.Writable {
		e.Errorf("the project is shown as %+v", p)
	}
}

func projectWritable(e *env) {
	dir := e.project()
	link := filepath.Join(e.root, "link")
	e.must(os.Symlink(dir, link))
	s := e.create(vzsandbox.CreateOptions{Project: &vzsandbox.Project{Dir: link, Writable: true}})
	e.shell(s, "echo from inside > new")
	got, err := os.ReadFile(filepath.Join(dir, "new"))
	if err != nil || string(got) != "from inside\n" {
		e.Errorf("the host has %q, %v", got, err)
	}
	if p := e.info(s).Project; p == nil || p.Dir != dir || !p.Writable {
		e.Errorf("the project is shown as %+v", p)
	}
}

func projectCopied(e *env) {
	dir := e.project()
	e.tmpl.User = "app"
	s := e.create(vzsandbox.CreateOptions{Project: &vzsandbox.Project{Dir: dir, Copy: true}})
	e.want(s, "cat file; sub/run; readlink link; test -e socket || echo no socket", "from the host\nit runs\n/etc/shadow\nno socket\n")
	e.shell(s, "echo changed > file; echo new > sub/new; echo new > new")
	got, err := os.ReadFile(filepath.Join(dir, "file"))
	if err != nil || string(got) != "from the host\n" {
		e.Errorf("a change of the copy reached the host: %q, %v", got, err)
	}
}
