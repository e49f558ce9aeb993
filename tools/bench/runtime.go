package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// runtime is an OCI runtime on a bundle with the root as it is: no overlay, no
// monitor, no log. With podman on the host its specification is the one that
// podman would give it, with limits and the default system call filter.
type runtime struct {
	program string
	bench   *bench
	plain   bool // no filter and no limits
}

func (r *runtime) name() string {
	if r.plain {
		return r.program + " (no seccomp, no limits)"
	}
	return r.program
}

func (r *runtime) bundle(kind string) string { return filepath.Join(r.bench.dir, r.program+"-"+kind) }

func (r *runtime) prepare() error {
	if _, err := exec.LookPath(r.program); err != nil {
		return err
	}
	text, err := podmanSpec(r.bench.root)
	if err != nil {
		r.plain = true
		if text, err = r.ownSpec(); err != nil {
			return err
		}
	}
	for _, argv := range [][]string{{"/bin/true"}, {"/bin/sleep", "1000000"}} {
		dir := r.bundle(filepath.Base(argv[0]))
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a bundle
			return err
		}
		edited, err := editSpec(text, r.bench.root, argv)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "config.json"), edited, 0o644); err != nil { //nolint:gosec // a bundle
			return err
		}
	}
	return quiet(r.run("bench-probe-"+r.program, "none")...)
}

// podmanSpec has podman write the specification of a container with limits.
func podmanSpec(root string) (spec []byte, err error) {
	const name = "vz-bench-spec"
	_ = quiet("podman", "rm", "-f", name) // of a run that was killed
	err = quiet("podman", "create", "--name", name, "--network", "none", "--memory", "512m", "--pids-limit", "100", "--cpus", "2",
		"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000", "--rootfs", root, "/bin/true")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, quiet("podman", "rm", "-f", name)) }()
	if err := quiet("podman", "init", name); err != nil {
		return nil, err
	}
	out, err := exec.Command("podman", "inspect", "--format", "{{.OCIConfigPath}}", name).Output()
	if err != nil {
		return nil, err
	}
	return os.ReadFile(strings.TrimSpace(string(out)))
}

func (r *runtime) ownSpec() ([]byte, error) {
	dir := r.bundle("spec")
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a bundle
		return nil, err
	}
	cmd := exec.Command(r.program, "spec")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s spec: %w: %s", r.program, err, out)
	}
	return os.ReadFile(filepath.Join(dir, "config.json"))
}

// editSpec sets the program, the root and no terminal, and takes out what
// belongs to the container that the specification was written for.
func editSpec(text []byte, root string, argv []string) ([]byte, error) {
	var spec map[string]any
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, err
	}
	process, ok1 := spec["process"].(map[string]any)
	rootfs, ok2 := spec["root"].(map[string]any)
	if !ok1 || !ok2 {
		return nil, errors.New("the specification has no process or no root")
	}
	process["args"], process["terminal"] = argv, false
	delete(process, "rlimits") // a host without CAP_SYS_RESOURCE cannot raise them
	rootfs["path"] = root
	delete(spec, "hooks")
	delete(spec, "annotations")
	var mounts []any
	for _, m := range asList(spec["mounts"]) {
		if entry, ok := m.(map[string]any); ok && entry["type"] != "bind" {
			mounts = append(mounts, m)
		}
	}
	spec["mounts"] = mounts
	if linux, ok := spec["linux"].(map[string]any); ok {
		delete(linux, "cgroupsPath")
		for _, n := range asList(linux["namespaces"]) {
			if namespace, ok := n.(map[string]any); ok {
				delete(namespace, "path")
			}
		}
	}
	return json.Marshal(spec)
}

func asList(v any) []any {
	list, _ := v.([]any) // anything else is an empty one
	return list
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
