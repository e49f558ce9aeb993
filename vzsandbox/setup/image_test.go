package setup_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake"
	"vz.internal/vzsandbox/internal/lock"
	"vz.internal/vzsandbox/setup"
)

// A place is a backend and a directory for locks.
type place struct {
	*fake.Backend
	locks string
}

func newPlace(t *testing.T) place {
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
	return place{b, t.TempDir()}
}

func (p place) request(commands ...string) setup.Request {
	return setup.Request{Image: "vz:builtin", Commands: commands, Locks: p.locks}
}

// cat returns a file of an image.
func (p place) cat(t *testing.T, ref, file string) string {
	t.Helper()
	c, err := p.Create(t.Context(), vzcontract.RunConfig{Image: ref, Pull: vzcontract.PullNever, Args: []string{"cat", file}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.remove(t, c.ID)
	var out bytes.Buffer
	att, err := p.Start(t.Context(), c.ID, vzcontract.StartOptions{Attach: &vzcontract.AttachOptions{Stdio: vzcontract.Stdio{Out: &out}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := att.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func (p place) remove(t *testing.T, id string) {
	t.Helper()
	if err := p.Remove(context.WithoutCancel(t.Context()), id, vzcontract.RemoveOptions{Force: true}); err != nil {
		t.Error(err)
	}
}

func (p place) empty(t *testing.T) {
	t.Helper()
	all, err := p.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		t.Errorf("container %s is left", c.Name)
	}
}

func TestImageRunsCommandsOnce(t *testing.T) {
	p := newPlace(t)
	req := p.request("echo $WHAT > /made; echo out", "cat /made >> /made2; echo err >&2")
	req.Env = []string{"WHAT=it"}
	var out bytes.Buffer
	var steps []int
	req.Output, req.Step = &out, func(n int, _ string) { steps = append(steps, n) }
	ref, err := setup.Image(t.Context(), p, req)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.cat(t, ref, "/made2"); got != "it\n" {
		t.Errorf("/made2 is %q", got)
	}
	if out.String() != "out\nerr\n" || !slices.Equal(steps, []int{1, 2}) {
		t.Errorf("output %q, steps %v", out.String(), steps)
	}
	info, err := p.InspectImage(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(strings.Join(info.Config.Env, " "), "WHAT=") || !slices.Equal(info.Config.Cmd, []string{"sh"}) {
		t.Errorf("the image's config is not that of the base: %+v", info.Config)
	}
	again, err := setup.Image(t.Context(), p, req)
	if err != nil || again != ref || len(steps) != 2 {
		t.Errorf("second Image = %s, %v after steps %v, want %s", again, err, steps, ref)
	}
	req.Again = true
	if again, err = setup.Image(t.Context(), p, req); err != nil || again != ref || len(steps) != 4 {
		t.Errorf("Image anew = %s, %v after steps %v, want %s", again, err, steps, ref)
	}
	p.empty(t)
}

func TestImageWithoutCommandsIsTheBase(t *testing.T) {
	p := newPlace(t)
	ref, err := setup.Image(t.Context(), p, p.request())
	if err != nil || ref != "vz:builtin" {
		t.Errorf("Image = %s, %v", ref, err)
	}
}

func TestImageHash(t *testing.T) {
	p := newPlace(t)
	seen := map[string]string{}
	for name, change := range map[string]func(*setup.Request){
		"base":     func(*setup.Request) {},
		"commands": func(r *setup.Request) { r.Commands = []string{"true", "true"} },
		"env":      func(r *setup.Request) { r.Env = []string{"A=b"} },
		"user":     func(r *setup.Request) { r.User = "0" },
		"platform": func(r *setup.Request) { r.Platform = "linux/amd64" },
	} {
		req := p.request("true")
		change(&req)
		ref, err := setup.Image(t.Context(), p, req)
		if err != nil {
			t.Fatal(err)
		}
		if other, twice := seen[ref]; twice {
			t.Errorf("%s and %s give the same image", name, other)
		}
		seen[ref] = name
	}
}

func TestImageStopsAtFirstFailure(t *testing.T) {
	p := newPlace(t)
	var out bytes.Buffer
	req := p.request("echo one", "exit 3", "echo three")
	req.Output = &out
	_, err := setup.Image(t.Context(), p, req)
	if !errors.Is(err, vzcontract.ErrValidation) || err.Error() != "setup command 2 of 3 ended with exit code 3: exit 3" {
		t.Errorf("error %v", err)
	}
	if out.String() != "one\n" {
		t.Errorf("output %q", out.String())
	}
	p.empty(t)
	all, err := p.ListImages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Config.Labels[setup.Label] != "" {
			t.Errorf("image %v is left", i.References)
		}
	}
}

func TestImageInterruptedLeavesNothing(t *testing.T) {
	p := newPlace(t)
	ctx, cancel := context.WithCancel(t.Context())
	req := p.request("echo begun; sleep 1000")
	req.Output = writerFunc(func(b []byte) (int, error) { cancel(); return len(b), nil })
	if _, err := setup.Image(ctx, p, req); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	p.empty(t)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestImageTogether(t *testing.T) {
	p := newPlace(t)
	var mu sync.Mutex
	runs, waits := 0, 0
	refs := make([]string, 8)
	var wg sync.WaitGroup
	for i := range refs {
		wg.Go(func() {
			req := p.request("echo made > /made")
			req.Step = func(n int, _ string) {
				mu.Lock()
				defer mu.Unlock()
				if n == 0 {
					waits++
				} else {
					runs++
				}
			}
			var err error
			if refs[i], err = setup.Image(t.Context(), p, req); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if runs != 1 || len(slices.Compact(refs)) != 1 {
		t.Errorf("the command ran %d times (%d waited), images %q", runs, waits, refs)
	}
	p.empty(t)
}

// A maker that was killed leaves its container and no lock; one that is at work
// has its lock.
func TestImageSweeps(t *testing.T) {
	p := newPlace(t)
	for _, hash := range []string{"dead", "alive"} {
		c, err := p.Create(t.Context(), vzcontract.RunConfig{
			Name: hash, Image: "vz:builtin", Idle: true, Labels: map[string]string{setup.Label: hash},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Start(t.Context(), c.ID, vzcontract.StartOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	unlock, err := lock.Take(t.Context(), filepath.Join(p.locks, "alive.lock"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ref, err := setup.Image(t.Context(), p, p.request("true"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Create(t.Context(), vzcontract.RunConfig{Image: "vz:builtin", Idle: true, Labels: map[string]string{setup.Label: "killed"}}); err != nil {
		t.Fatal(err)
	}
	if err := setup.Sweep(t.Context(), p, p.locks); err != nil {
		t.Fatal(err)
	}
	all, err := p.List(t.Context())
	if err != nil || len(all) != 1 || all[0].Name != "alive" {
		t.Errorf("containers %v, %v, want alive alone", all, err)
	}
	// A container of the outcome has the label from its image: it is nobody's leftover.
	user, err := p.Create(t.Context(), vzcontract.RunConfig{Name: "user", Image: ref, Idle: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := setup.Image(t.Context(), p, p.request("false; true")); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Inspect(t.Context(), user.ID); err != nil {
		t.Errorf("the container of a setup image: %v", err)
	}
}

// A backend without Committer refuses commands and still has plain images.
type bare struct {
	vzcontract.RuntimeBackend
	vzcontract.Images
}

func TestImageNeedsCommit(t *testing.T) {
	p := newPlace(t)
	b := bare{p.Backend, p.Backend}
	if _, err := setup.Image(t.Context(), b, p.request("true")); !errors.Is(err, vzcontract.ErrUnsupported) {
		t.Errorf("commands: %v", err)
	}
	if ref, err := setup.Image(t.Context(), b, p.request()); err != nil || ref != "vz:builtin" {
		t.Errorf("no commands: %s, %v", ref, err)
	}
}

func TestImageOfUnknownBase(t *testing.T) {
	p := newPlace(t)
	req := p.request("true")
	req.Image = "nowhere/none:1"
	if _, err := setup.Image(t.Context(), p, req); !errors.Is(err, vzcontract.ErrNotFound) {
		t.Errorf("error %v", err)
	}
}
