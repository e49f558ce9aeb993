package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// bench holds what all cases share: one root, known to every tool.
type bench struct {
	dir   string
	root  string
	tools []tool
}

// A benchCase measures one thing with every tool that can do it.
type benchCase struct {
	name, title string
	// command returns what one run is, or nil where the tool has no such thing.
	command func(t tool, name string) []string
	// at is how many runs go at once; 0 is one.
	at int
	// running: a container named "bench" runs meanwhile.
	running bool
}

var cases = []benchCase{
	{name: "start-none", title: "Start of `true` to its exit, no network", command: func(t tool, name string) []string { return t.run(name, "none") }},
	{name: "start-bridge", title: "Start of `true` to its exit, on a bridge", command: func(t tool, name string) []string { return t.run(name, "bridge") }},
	{name: "exec", title: "`true` in a running container", command: func(t tool, _ string) []string { return t.exec("bench") }, running: true},
	{name: "parallel", title: "50 starts of `true` at once, no network", command: func(t tool, name string) []string { return t.run(name, "none") }, at: 50},
}

func newBench(vz string) (*bench, error) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return nil, fmt.Errorf("%w: install busybox-static", err)
	}
	dir, err := os.MkdirTemp("", "vz-bench-*")
	if err != nil {
		return nil, err
	}
	b := &bench{dir: dir, root: filepath.Join(dir, "root")}
	if err := errors.Join(os.Mkdir(b.run(), 0o700), mountTmpfs(b.run()), b.makeRoot(busybox)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	for _, t := range allTools(b, vz) {
		if err := t.prepare(); err != nil {
			fmt.Fprintf(os.Stderr, "without %s: %v\n", t.name(), err)
			continue
		}
		b.tools = append(b.tools, t)
	}
	if !slices.ContainsFunc(b.tools, func(t tool) bool { return t.name() == "vz" }) {
		return nil, errors.Join(errors.New("vz itself cannot run"), b.close())
	}
	return b, nil
}

// run is vz's runtime directory: on a tmpfs, as /run is, where the other tools
// have theirs. The mount goes with the bench's namespace.
func (b *bench) run() string { return filepath.Join(b.dir, "run") }

func (b *bench) makeRoot(busybox string) error {
	for _, d := range []string{"bin", "dev", "etc", "proc", "sys", "tmp"} {
		if err := os.MkdirAll(filepath.Join(b.root, d), 0o755); err != nil { //nolint:gosec // a container's
			return err
		}
	}
	data, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(b.root, "bin/busybox"), data, 0o755); err != nil { //nolint:gosec // a program
		return err
	}
	for _, applet := range []string{"sh", "true", "echo", "sleep"} {
		if err := os.Symlink("busybox", filepath.Join(b.root, "bin", applet)); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(b.root, "etc/passwd"), []byte("root:x:0:0:root:/:/bin/sh\n"), 0o644) //nolint:gosec // a container's
}

func (b *bench) close() error {
	var errs []error
	for _, t := range b.tools {
		errs = append(errs, t.cleanUp())
	}
	return errors.Join(append(errs, quiet("umount", "-l", b.run()), os.RemoveAll(b.dir))...)
}

// quiet runs a command and returns an error with the end of what it printed.
func quiet(args ...string) error { return within(time.Hour, args...) }

// within is quiet for commands that may hang.
func within(limit time.Duration, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.WaitDelay = 10 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, lastLines(string(out)))
	}
	return nil
}

func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}

// measure runs the tools in turn, the first round for warmth only.
func (b *bench) measure(c benchCase, rounds int) ([]result, error) {
	if c.at > 1 {
		rounds = max(rounds/5, 3)
	}
	var able []tool
	for _, t := range b.tools {
		_, single := t.(*floor)
		if c.command(t, "x") != nil && !(single && c.at > 1) {
			able = append(able, t)
		}
	}
	if c.running {
		for _, t := range able {
			if err := t.start("bench"); err != nil {
				return nil, fmt.Errorf("%s: %w", t.name(), err)
			}
			defer func() { _ = t.remove("bench") }() // cleanUp reports what stays
		}
	}
	results := make([]result, len(able))
	serial := 0
	for round := range rounds + 1 {
		for i, t := range able {
			serial++
			took, err := b.once(c, t, serial)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name(), err)
			}
			if round > 0 {
				results[i].took = append(results[i].took, took)
			}
		}
	}
	for i, t := range able {
		results[i].summarize(c.name, t.name())
	}
	return results, nil
}

func (b *bench) once(c benchCase, t tool, serial int) (time.Duration, error) {
	at := max(c.at, 1)
	errs := make([]error, at)
	var all sync.WaitGroup
	began := time.Now()
	for i := range at {
		args := c.command(t, fmt.Sprintf("bench-%d-%d", serial, i))
		all.Go(func() { errs[i] = quiet(args...) })
	}
	all.Wait()
	return time.Since(began), errors.Join(errs...)
}

func (r *result) summarize(name, tool string) {
	middle := r.middle()
	ms := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
	r.Case, r.Tool, r.Unit, r.Runs = name, tool, "ms", len(r.took)
	r.Median, r.Min, r.Max = ms(middle), ms(r.took[0]), ms(r.took[len(r.took)-1])
}

// middle sorts the times and returns their median.
func (r *result) middle() time.Duration {
	slices.Sort(r.took)
	middle := len(r.took) / 2
	if len(r.took)%2 == 0 {
		return (r.took[middle] + r.took[middle-1]) / 2
	}
	return r.took[middle]
}

// micro turns milliseconds into microseconds.
func (r *result) micro() {
	r.Unit = "µs"
	r.Median, r.Min, r.Max = r.Median*1000, r.Min*1000, r.Max*1000
}
