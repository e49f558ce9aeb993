package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A tool is a program that makes containers.
type tool interface {
	name() string
	prepare() error // gives the tool the root; an error leaves it out
	cleanUp() error
	run(name, network string) []string
	exec(name string) []string
	start(name string) error
	remove(name string) error
}

func allTools(b *bench, vz string) []tool {
	return []tool{
		&docker{program: vz, label: "vz", bench: b, env: []string{"VZ_HOME=" + b.dir + "/vz/home", "VZ_RUN=" + b.run()}},
		&floor{bench: b},
		&runtime{program: "crun", bench: b},
		&runtime{program: "runc", bench: b},
		&docker{program: "podman", label: "podman", bench: b, flags: []string{"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"}},
		&dockerTool{docker: docker{program: "docker", label: "docker", bench: b}},
	}
}

// docker is a tool with docker's verbs.
type docker struct {
	program, label string
	env            []string
	ask            []string // the program and flags of every command; nil is the program alone
	flags          []string // more flags of run: podman would raise limits, which a host without CAP_SYS_RESOURCE refuses
	bench          *bench
}

const imageName = "localhost/vz-bench:latest"

func (d *docker) name() string { return d.label }

func (d *docker) command(args ...string) []string {
	prefix := []string{d.program}
	if d.ask != nil {
		prefix = slices.Clone(d.ask)
	}
	if len(d.env) > 0 {
		prefix = append(append([]string{"env"}, d.env...), prefix...)
	}
	return append(prefix, args...)
}

func (d *docker) prepare() error {
	if _, err := exec.LookPath(d.program); err != nil {
		return err
	}
	archive := filepath.Join(d.bench.dir, "root.tar")
	if err := quiet("tar", "-C", d.bench.root, "-cf", archive, "."); err != nil {
		return err
	}
	if err := quiet(d.command("import", archive, imageName)...); err != nil {
		return err
	}
	return quiet(d.run("", "none")...)
}

func (d *docker) cleanUp() error { return quiet(d.command("rmi", "-f", imageName)...) }

func (d *docker) run(_, network string) []string {
	return d.command(append(append([]string{"run", "--rm", "--network", network}, d.flags...), imageName, "/bin/true")...)
}

func (d *docker) exec(name string) []string { return d.command("exec", name, "/bin/true") }

func (d *docker) start(name string) error {
	args := append([]string{"run", "-d", "--name", name, "--network", "none"}, d.flags...)
	return quiet(d.command(append(args, imageName, "/bin/sleep", "1000000")...)...)
}

// serve starts a container of its own network namespace, for the bench to serve
// in, and returns that.
func (d *docker) serve(name string, flags ...string) (host, error) {
	args := append([]string{"run", "-d", "--name", name}, append(flags, d.flags...)...)
	if err := quiet(d.command(append(args, imageName, "/bin/sleep", "1000000")...)...); err != nil {
		return 0, err
	}
	inspect := d.command("inspect", "--format", "{{.State.Pid}}", name)
	out, err := exec.Command(inspect[0], inspect[1:]...).Output()
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	return host(pid), err
}

func (d *docker) remove(name string) error { return quiet(d.command("rm", "-f", name)...) }

// dockerTool is docker with a daemon of the bench's own.
type dockerTool struct {
	docker
	daemon *daemon
}

func (d *dockerTool) prepare() (err error) {
	if d.daemon, d.ask, err = d.bench.dockerd(filepath.Join(d.bench.dir, "docker")); err != nil {
		return err
	}
	if err := d.docker.prepare(); err != nil {
		return errors.Join(err, d.daemon.stop())
	}
	return nil
}

func (d *dockerTool) cleanUp() error { return errors.Join(d.docker.cleanUp(), d.daemon.stop()) }

// floor is the C program.
type floor struct{ bench *bench }

func (f *floor) name() string { return "floor" }

func (f *floor) program() string { return filepath.Join(f.bench.dir, "floor") }

func (f *floor) prepare() error {
	source := filepath.Join(f.bench.dir, "floor.c")
	if err := os.WriteFile(source, []byte(floorSource), 0o600); err != nil {
		return err
	}
	for _, d := range []string{"upper", "work", "merged"} {
		if err := os.MkdirAll(filepath.Join(f.bench.dir, "floor-"+d), 0o755); err != nil { //nolint:gosec // a container's
			return err
		}
	}
	if err := quiet("gcc", "-O2", "-static", "-o", f.program(), source); err != nil {
		return err
	}
	return quiet(f.run("", "none")...) // one at a time: its overlay has fixed directories
}

func (f *floor) cleanUp() error { return nil }

func (f *floor) run(_, network string) []string {
	if network != "none" {
		return nil
	}
	return []string{f.program(), f.bench.root, filepath.Join(f.bench.dir, "floor-"), "/bin/true"}
}

func (f *floor) exec(string) []string { return nil }
func (f *floor) start(string) error   { return nil }
func (f *floor) remove(string) error  { return nil }
