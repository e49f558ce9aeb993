package conformance

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

var mounterChecks = []check{
	{name: "add-mount", feature: vzcontract.FeatureMount, run: addMount},
	{name: "add-mount-file", feature: vzcontract.FeatureMount, run: addMountFile},
	{name: "add-mount-read-only", feature: vzcontract.FeatureMount, run: addMountReadOnly},
	{name: "add-mount-stays", feature: vzcontract.FeatureMount, run: addMountStays},
	{name: "add-mount-states", feature: vzcontract.FeatureMount, run: addMountStates},
	{name: "add-mount-refused", feature: vzcontract.FeatureMount, run: addMountRefused},
	{name: "add-mount-taken", feature: vzcontract.FeatureMount, run: addMountTaken},
	{name: "add-mount-hostile-link", feature: vzcontract.FeatureMount, run: addMountHostile},
	{name: "remove-mount", feature: vzcontract.FeatureMount, run: removeMount},
	{name: "remove-mount-in-use", feature: vzcontract.FeatureMount, run: removeMountInUse},
	{name: "add-mount-fork", feature: vzcontract.FeatureMount, run: addMountFork},
}

// project makes a directory of the host with one file in it.
func (e *env) project() string {
	e.Helper()
	dir := e.TempDir()
	e.hostFile(dir, "in", "from host\n")
	return dir
}

func (e *env) addMount(id string, m vzcontract.Mount) {
	e.Helper()
	if err := e.b.(vzcontract.Mounter).AddMount(e.ctx, id, m); err != nil {
		e.Fatalf("mount %s on %s: %v", m.Source, m.Target, err)
	}
}

func (e *env) removeMount(id, target string) {
	e.Helper()
	if err := e.b.(vzcontract.Mounter).RemoveMount(e.ctx, id, target); err != nil {
		e.Fatalf("unmount %s: %v", target, err)
	}
}

// sees fails unless a shell in the container prints want.
func (e *env) sees(id, line, want string) {
	e.Helper()
	if r := e.exec(id, vzcontract.ExecConfig{Args: []string{"sh", "-c", line}}); r.stdout != want {
		e.Errorf("%s = %q (stderr %q), want %q", line, r.stdout, r.stderr, want)
	}
}

// wantMounts fails unless the container's info names exactly these targets.
func (e *env) wantMounts(id string, targets ...string) vzcontract.ContainerInfo {
	e.Helper()
	info := e.inspect(id)
	var mounts, config []string
	for _, m := range info.Mounts {
		mounts = append(mounts, m.Target)
	}
	for _, m := range info.Config.Mounts {
		config = append(config, m.Target)
	}
	if !equal(mounts, targets) || !equal(config, targets) {
		e.Errorf("info has mounts at %v and its config %v, want %v", mounts, config, targets)
	}
	return info
}

// addMount: the program that runs already sees a mount, and so do later ones.
func addMount(e *env) {
	dir := e.project()
	info := e.start(e.config("sh", "-c", "until cat /added/in 2> /dev/null; do sleep 0.01; done; echo back > /added/out; while :; do sleep 0.05; done"))
	e.addMount(info.ID, bind(dir, "/added"))
	e.awaitLine(info.ID, "from host")
	e.sees(info.ID, "cat /added/in", "from host\n")
	e.sees(info.ID, "until [ -s /added/out ]; do sleep 0.01; done; cat /added/out", "back\n")
	if got, err := os.ReadFile(filepath.Join(dir, "out")); err != nil || string(got) != "back\n" {
		e.Errorf("the host reads %q, %v", got, err)
	}
	e.addMount(info.ID, bind(e.project(), "/deep/below/that"))
	e.sees(info.ID, "cat /deep/below/that/in", "from host\n")
	info = e.wantMounts(info.ID, "/added", "/deep/below/that")
	if m := info.Mounts[0]; m.Type != vzcontract.MountBind || m.Source != dir || m.ReadOnly {
		e.Errorf("the info tells of %+v", m)
	}
	if err := e.b.Remove(e.ctx, info.ID, vzcontract.RemoveOptions{Force: true}); err != nil {
		e.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "in")); err != nil {
		e.Errorf("the host's file after the container's removal: %v", err)
	}
}

func addMountFile(e *env) {
	info := e.running()
	file := e.hostFile(e.TempDir(), "one", "just this\n")
	e.addMount(info.ID, bind(file, "/etc/made/one"))
	e.addMount(info.ID, bind(file, "/etc/group"))
	e.sees(info.ID, "cat /etc/made/one /etc/group", "just this\njust this\n")
	e.removeMount(info.ID, "/etc/group")
	if r := e.exec(info.ID, vzcontract.ExecConfig{Args: []string{"cat", "/etc/group"}}); !strings.HasPrefix(r.stdout, "root:") {
		e.Errorf("what was below the mount is %q", r.stdout)
	}
}

func addMountReadOnly(e *env) {
	dir := e.project()
	info := e.running()
	m := bind(dir, "/added")
	m.ReadOnly = true
	e.addMount(info.ID, m)
	e.sees(info.ID, "cat /added/in; echo y > /added/in || echo refused; rm /added/in || echo refused; mkdir /added/d || echo refused",
		"from host\nrefused\nrefused\nrefused\n")
	if info := e.wantMounts(info.ID, "/added"); !info.Mounts[0].ReadOnly {
		e.Errorf("the info tells of %+v", info.Mounts[0])
	}
	if got, err := os.ReadFile(filepath.Join(dir, "in")); err != nil || string(got) != "from host\n" {
		e.Errorf("the file of a read-only mount is now %q, %v", got, err)
	}
}

// addMountStays: a mount is there again after a stop and a start, until it is removed.
func addMountStays(e *env) {
	info := e.running()
	e.addMount(info.ID, bind(e.project(), "/added"))
	again := func() {
		e.Helper()
		e.kill(info.ID)
		if _, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{}); err != nil {
			e.Fatal(err)
		}
	}
	again()
	e.wantMounts(info.ID, "/added")
	e.sees(info.ID, "cat /added/in", "from host\n")
	e.removeMount(info.ID, "/added")
	e.wantMounts(info.ID)
	e.sees(info.ID, "ls /added/in 2> /dev/null || echo none", "none\n")
	again()
	e.wantMounts(info.ID)
	e.sees(info.ID, "ls /added/in 2> /dev/null || echo none", "none\n")
}

// addMountStates adds and removes in every state.
func addMountStates(e *env) {
	for _, state := range []vzcontract.State{vzcontract.StateCreated, vzcontract.StatePaused, vzcontract.StateStopped} {
		id, ok := e.inState(state)
		if !ok {
			continue
		}
		e.addMount(id, bind(e.project(), "/added"))
		e.addMount(id, bind(e.project(), "/other"))
		e.removeMount(id, "/other")
		e.wantState(id, state)
		e.wantMounts(id, "/added")
		if state == vzcontract.StateStopped { // its program ends at once
			e.removeMount(id, "/added")
			e.wantMounts(id)
			continue
		}
		if state == vzcontract.StatePaused {
			if err := e.b.(vzcontract.Pauser).Resume(e.ctx, id); err != nil {
				e.Fatal(err)
			}
		} else if _, err := e.b.Start(e.ctx, id, vzcontract.StartOptions{}); err != nil {
			e.Fatal(err)
		}
		e.sees(id, "cat /added/in; ls /other/in 2> /dev/null || echo none", "from host\nnone\n")
	}
}

// addMountRefused tries what is wrong in itself, on containers that run and that do not.
func addMountRefused(e *env) {
	b := e.b.(vzcontract.Mounter)
	dir := e.project()
	file := filepath.Join(dir, "in")
	for _, state := range []vzcontract.State{vzcontract.StateRunning, vzcontract.StateCreated} {
		id, _ := e.inState(state)
		for what, try := range map[string]struct {
			m     vzcontract.Mount
			class error
		}{
			"a missing source":  {bind(filepath.Join(dir, "nothing"), "/added"), vzcontract.ErrValidation},
			"a relative source": {bind("in", "/added"), vzcontract.ErrValidation},
			"a relative target": {bind(dir, "work"), vzcontract.ErrValidation},
			"the root":          {bind(dir, "/"), vzcontract.ErrValidation},
			"no type":           {vzcontract.Mount{Source: dir, Target: "/added"}, vzcontract.ErrValidation},
			"a tmpfs":           {vzcontract.Mount{Type: vzcontract.MountTmpfs, Target: "/added"}, vzcontract.ErrUnsupported},
		} {
			e.wantClass("mount of "+what, b.AddMount(e.ctx, id, try.m), try.class)
		}
		e.wantMounts(id)
		if state == vzcontract.StateRunning {
			e.wantClass("mount of a file on a directory", b.AddMount(e.ctx, id, bind(file, "/tmp")), vzcontract.ErrValidation)
			e.wantClass("mount of a directory on a file", b.AddMount(e.ctx, id, bind(dir, "/etc/passwd")), vzcontract.ErrValidation)
			e.wantClass("mount below a file", b.AddMount(e.ctx, id, bind(dir, "/etc/passwd/added")), vzcontract.ErrValidation)
			e.wantMounts(id)
			e.sees(id, "ls /added 2> /dev/null || echo none", "none\n")
		}
	}
	missing := bind(filepath.Join(dir, "new", "dir"), "/added")
	missing.CreateSource = true
	id, _ := e.inState(vzcontract.StateRunning)
	e.addMount(id, missing)
	e.sees(id, "echo x > /added/f", "")
	if _, err := os.Stat(filepath.Join(missing.Source, "f")); err != nil {
		e.Error(err)
	}
}

// addMountTaken tries places that have a mount, or mounts below them.
func addMountTaken(e *env) {
	b := e.b.(vzcontract.Mounter)
	dir := e.project()
	for _, running := range []bool{true, false} {
		cfg := e.config(untilKilled...)
		cfg.Mounts = []vzcontract.Mount{bind(e.TempDir(), "/a/b")}
		info := e.create(cfg)
		if running {
			if _, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{}); err != nil {
				e.Fatal(err)
			}
		}
		e.addMount(info.ID, bind(dir, "/c/d"))
		for _, target := range []string{"/a/b", "/a", "/c/d", "/c/d/", "/c", "/proc", "/dev", "/etc"} {
			e.wantClass("mount on "+target, b.AddMount(e.ctx, info.ID, bind(dir, target)), vzcontract.ErrConflict)
		}
		file := filepath.Join(dir, "in")
		e.wantClass("mount on /etc/hosts", b.AddMount(e.ctx, info.ID, bind(file, "/etc/hosts")), vzcontract.ErrConflict)
		e.wantMounts(info.ID, "/a/b", "/c/d")
		e.addMount(info.ID, bind(dir, "/c/e")) // beside another is free
		e.addMount(info.ID, bind(dir, "/a/b/f"))
		e.wantMounts(info.ID, "/a/b", "/c/d", "/c/e", "/a/b/f")
	}
}

// addMountHostile: links that the container makes lead to its own files.
func addMountHostile(e *env) {
	b := e.b.(vzcontract.Mounter)
	dir, outside := e.project(), e.TempDir()
	if err := os.Mkdir(filepath.Join(outside, "place"), 0o755); err != nil { //nolint:gosec // of a test
		e.Fatal(err)
	}
	info := e.running()
	up := strings.Repeat("../", 30)
	e.sees(info.ID, "mkdir -p "+outside+"/place && ln -s "+outside+" /absolute && ln -s "+up+strings.TrimPrefix(outside, "/")+" /relative && "+
		"ln -s /proc /system && ln -s /nowhere/at/all /dangling && ln -s /round /round && echo made", "made\n")
	e.addMount(info.ID, bind(dir, "/absolute/place"))
	e.sees(info.ID, "cat "+outside+"/place/in", "from host\n")
	e.addMount(info.ID, bind(dir, "/relative/other"))
	e.sees(info.ID, "cat "+outside+"/other/in", "from host\n")
	entries, err := os.ReadDir(outside)
	if err != nil || len(entries) != 1 {
		e.Errorf("the host's directory holds %v, %v", entries, err)
	}
	if entries, err := os.ReadDir(filepath.Join(outside, "place")); err != nil || len(entries) > 0 {
		e.Errorf("the host's place holds %v, %v", entries, err)
	}
	e.wantClass("mount at a link to what is mounted", b.AddMount(e.ctx, info.ID, bind(dir, "/absolute/other")), vzcontract.ErrConflict)
	e.wantClass("mount at a link to /proc", b.AddMount(e.ctx, info.ID, bind(dir, "/system")), vzcontract.ErrConflict)
	e.wantClass("mount below a link to /proc", b.AddMount(e.ctx, info.ID, bind(filepath.Join(dir, "in"), "/system/version")), vzcontract.ErrValidation)
	e.wantClass("mount at a link to itself", b.AddMount(e.ctx, info.ID, bind(dir, "/round")), vzcontract.ErrValidation)
	// The mount is found though its name leads elsewhere now.
	e.sees(info.ID, "rm /absolute && mkdir -p /absolute/place && echo swapped", "swapped\n")
	e.removeMount(info.ID, "/absolute/place")
	e.sees(info.ID, "ls "+outside+"/place/in 2> /dev/null || echo none", "none\n")
	e.wantMounts(info.ID, "/relative/other")
}

func removeMount(e *env) {
	b := e.b.(vzcontract.Mounter)
	first, dir := e.TempDir(), e.project()
	cfg := e.config(untilKilled...)
	cfg.Mounts = []vzcontract.Mount{bind(first, "/first")}
	info := e.start(cfg)
	e.addMount(info.ID, bind(dir, "/added"))
	e.wantClass("unmount in no container", b.RemoveMount(e.ctx, "nobody", "/added"), vzcontract.ErrNotFound)
	e.wantClass("unmount what is not mounted", b.RemoveMount(e.ctx, info.ID, "/nothing"), vzcontract.ErrNotFound)
	e.wantClass("unmount a directory in a mount", b.RemoveMount(e.ctx, info.ID, "/added/in"), vzcontract.ErrNotFound)
	e.wantClass("unmount what every container has", b.RemoveMount(e.ctx, info.ID, "/proc"), vzcontract.ErrNotFound)
	e.wantClass("unmount what it was created with", b.RemoveMount(e.ctx, info.ID, "/first"), vzcontract.ErrConflict)
	e.wantMounts(info.ID, "/first", "/added")
	e.removeMount(info.ID, "/added/")
	e.wantMounts(info.ID, "/first")
	e.sees(info.ID, "ls /added/in 2> /dev/null || echo none", "none\n")
	e.wantClass("second unmount", b.RemoveMount(e.ctx, info.ID, "/added"), vzcontract.ErrNotFound)
	e.addMount(info.ID, bind(dir, "/added")) // the place is free again
	e.sees(info.ID, "cat /added/in", "from host\n")
}

// removeMountInUse: a program has its working directory in the mount.
func removeMountInUse(e *env) {
	b := e.b.(vzcontract.Mounter)
	info := e.running()
	e.addMount(info.ID, bind(e.project(), "/added"))
	in, feed := io.Pipe()
	defer feed.Close()
	out := newLocked()
	s, err := e.b.Exec(e.ctx, info.ID, vzcontract.ExecConfig{
		Args: []string{"sh", "-c", "cd /added && echo inside; read a; cat in"}, Stdio: vzcontract.Stdio{In: in, Out: out},
	})
	if err != nil {
		e.Fatal(err)
	}
	out.until(e, "inside\n")
	e.wantClass("unmount of what is used", b.RemoveMount(e.ctx, info.ID, "/added"), vzcontract.ErrConflict)
	e.wantMounts(info.ID, "/added")
	if _, err := io.WriteString(feed, "go on\n"); err != nil {
		e.Fatal(err)
	}
	if _, err := s.Wait(e.ctx); err != nil {
		e.Fatal(err)
	}
	if err := s.Close(); err != nil {
		e.Error(err)
	}
	if got := out.text(); got != "inside\nfrom host\n" {
		e.Errorf("the program in the mount printed %q", got)
	}
	e.removeMount(info.ID, "/added")
	e.wantMounts(info.ID)
}

// addMountFork: a fork has what its origin has.
func addMountFork(e *env) {
	if why := e.lacks(vzcontract.FeatureCheckpoint); why != "" {
		e.Skip(why)
	}
	c := e.b.(vzcontract.Checkpointer)
	info := e.running()
	e.addMount(info.ID, bind(e.project(), "/added"))
	err := c.Checkpoint(e.ctx, info.ID, "one", vzcontract.CheckpointFiles)
	if errors.Is(err, vzcontract.ErrUnsupported) {
		e.Skip(err)
	}
	if err != nil {
		e.Fatal(err)
	}
	fork, err := c.Fork(e.ctx, info.ID, "one", "fork")
	if err != nil {
		e.Fatal(err)
	}
	if !slices.ContainsFunc(fork.Mounts, func(m vzcontract.MountInfo) bool { return m.Target == "/added" }) {
		e.Errorf("the fork has %+v", fork.Mounts)
	}
	if _, err := e.b.Start(e.ctx, fork.ID, vzcontract.StartOptions{}); err != nil {
		e.Fatal(err)
	}
	e.sees(fork.ID, "cat /added/in", "from host\n")
}
