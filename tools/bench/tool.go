package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
		&docker{program: vz, label: "vz", bench: b, env: []string{"VZ_HOME=" + b.dir + "/vz/home", "VZ_RUN=" + b.dir + "/vz/run"}},
		&floor{bench: b},
		&runtime{program: "crun", bench: b},
		&runtime{program: "runc", bench: b},
		&docker{program: "podman", label: "podman", bench: b},
		&docker{program: "docker", label: "docker", bench: b},
	}
}

// docker is a tool with docker's verbs.
type docker struct {
	program, label string
	env            []string
	bench          *bench
}

const imageName = "localhost/vz-bench:latest"

func (d *docker) name() string { return d.label }

func (d *docker) command(args ...string) []string {
	prefix := []string{d.program}
	if len(d.env) > 0 {
		prefix = append(append([]string{"env"}, d.env...), d.program)
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
	return quiet(d.command("import", archive, imageName)...)
}

func (d *docker) cleanUp() error { return quiet(d.command("rmi", "-f", imageName)...) }

func (d *docker) run(_, network string) []string {
	return d.command("run", "--rm", "--network", network, imageName, "/bin/true")
}

func (d *docker) exec(name string) []string { return d.command("exec", name, "/bin/true") }

func (d *docker) start(name string) error {
	return quiet(d.command("run", "-d", "--name", name, "--network", "none", imageName, "/bin/sleep", "1000000")...)
}

func (d *docker) remove(name string) error { return quiet(d.command("rm", "-f", name)...) }

// runtime is an OCI runtime on a bundle, with the limits and the seccomp filter
// that its default specification has, and the root as it is: no overlay.
type runtime struct {
	program string
	bench   *bench
}

func (r *runtime) name() string { return r.program }

func (r *runtime) bundle(args string) string { return filepath.Join(r.bench.dir, r.program+"-"+args) }

func (r *runtime) prepare() error {
	if _, err := exec.LookPath(r.program); err != nil {
		return err
	}
	for _, argv := range [][]string{{"/bin/true"}, {"/bin/sleep", "1000000"}} {
		dir := r.bundle(filepath.Base(argv[0]))
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a bundle
			return err
		}
		cmd := exec.Command(r.program, "spec")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s spec: %w: %s", r.program, err, out)
		}
		if err := editSpec(filepath.Join(dir, "config.json"), r.bench.root, argv); err != nil {
			return err
		}
	}
	probe := r.run("bench-probe-"+r.program, "none")
	return quiet(probe...)
}

// editSpec sets the program, the root and no terminal.
func editSpec(file, root string, argv []string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var spec map[string]any
	if err := json.Unmarshal(data, &spec); err != nil {
		return err
	}
	process, ok1 := spec["process"].(map[string]any)
	rootfs, ok2 := spec["root"].(map[string]any)
	if !ok1 || !ok2 {
		return errors.New("the specification has no process or no root")
	}
	process["args"], process["terminal"] = argv, false
	rootfs["path"] = root
	if data, err = json.Marshal(spec); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644) //nolint:gosec // a bundle
}

func (r *runtime) cleanUp() error { return nil }

func (r *runtime) run(name, network string) []string {
	if network != "none" {
		return nil
	}
	return []string{r.program, "run", "--bundle", r.bundle("true"), name}
}

func (r *runtime) exec(name string) []string { return []string{r.program, "exec", name, "/bin/true"} }

func (r *runtime) start(name string) error {
	cmd := exec.Command(r.program, "run", "-d", "--bundle", r.bundle("sleep"), name)
	if err := cmd.Run(); err != nil { // its streams stay with the container, so they are not captured
		return fmt.Errorf("%s run -d: %w", r.program, err)
	}
	return nil
}

func (r *runtime) remove(name string) error { return quiet(r.program, "delete", "-f", name) }

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
