package sandbox

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vz.internal/tools/e2e/internal/need"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzsandbox"
)

// lifeVariable makes the test program a process that has a pool, until it is killed. Its
// value is the backend's directory and the root of sandboxes.
const lifeVariable = "VZ_SANDBOX_TEST_LIFE"

// life fills a pool, takes two of its sandboxes, keeps one of them, and makes one without
// a pool. It tells their names.
func life(dir, root string) error {
	ctx := context.Background()
	b, err := open(dir)
	if err != nil {
		return err
	}
	h, err := vzsandbox.New(b, vzsandbox.Options{Dir: filepath.Join(dir, "home/sandboxes")})
	if err != nil {
		return err
	}
	t := vzsandbox.Template{Rootfs: root}
	if _, err := h.Create(ctx, t, vzsandbox.CreateOptions{Name: "alone"}); err != nil {
		return err
	}
	p, err := h.NewPool(ctx, t, vzsandbox.PoolOptions{Name: "pool", Size: 2})
	if err != nil {
		return err
	}
	kept, err := p.Acquire(ctx, vzsandbox.AcquireOptions{Wait: true, Keep: true})
	if err != nil {
		return err
	}
	taken, err := p.Acquire(ctx, vzsandbox.AcquireOptions{Wait: true})
	if err != nil {
		return err
	}
	if _, err := taken.Start(ctx, vzsandbox.Command{Args: []string{"sleep", "1000"}}); err != nil {
		return err
	}
	last, err := p.Acquire(ctx, vzsandbox.AcquireOptions{Wait: true}) // so that others are being made now
	if err != nil {
		return err
	}
	fmt.Println(kept.Name(), taken.Name(), last.Name())
	select {}
}

// A pool whose process is killed leaves nothing that the next one does not find: what was
// idle, handed out or being made. What was kept, and what is no pool's, stays.
func TestKilledPool(t *testing.T) {
	need.Root(t)
	root := conformance.BusyboxRoot(t, need.Programs(t, "busybox"))
	for _, by := range []string{"sweep", "pool"} {
		t.Run(by, func(t *testing.T) {
			b := backend(t)
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), lifeVariable+"="+b.dir+":"+root)
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			must(t, err)
			must(t, cmd.Start())
			line, err := bufio.NewReader(out).ReadString('\n')
			must(t, err)
			names := strings.Fields(line)
			h, err := vzsandbox.New(b, vzsandbox.Options{Dir: filepath.Join(b.dir, "home/sandboxes")})
			must(t, err)
			if removed, err := h.Sweep(t.Context()); err != nil || len(removed) > 0 {
				t.Fatalf("while its process lives, a sweep removed %q, %v", removed, err)
			}
			must(t, cmd.Process.Kill())
			_ = cmd.Wait() // killed
			awaitUnlocked(t, filepath.Join(b.dir, "home/sandboxes/pool-pool.*.lock"))
			if by == "sweep" {
				removed, err := h.Sweep(t.Context())
				must(t, err)
				if !slices.Contains(removed, names[1]) || !slices.Contains(removed, names[2]) || slices.Contains(removed, names[0]) {
					t.Errorf("removed are %q; kept, taken and taken were %q", removed, names)
				}
			} else {
				p, err := h.NewPool(t.Context(), vzsandbox.Template{Rootfs: root}, vzsandbox.PoolOptions{Name: "pool", Size: 1})
				must(t, err)
				must(t, p.Close(t.Context()))
			}
			list, err := h.List(t.Context())
			must(t, err)
			var left []string
			for _, i := range list {
				left = append(left, i.Name)
			}
			slices.Sort(left)
			if want := []string{"alone", names[0]}; !slices.Equal(left, want) {
				t.Errorf("left are %q, want %q", left, want)
			}
			for _, name := range left {
				s, err := h.Open(t.Context(), name)
				must(t, err)
				r, err := s.Run(t.Context(), vzsandbox.Command{Args: []string{"echo", "works"}})
				if err != nil || string(r.Stdout) != "works\n" {
					t.Errorf("%s: %+v, %v", name, r, err)
				}
				must(t, s.Remove(t.Context()))
			}
			// A container whose making was cut short is the backend's own to clear.
			_, err = b.Repair(t.Context())
			must(t, err)
			files, err := os.ReadDir(filepath.Join(b.dir, "home/sandboxes"))
			must(t, err)
			for _, f := range files {
				if f.Name() != "records.lock" && f.Name() != "creation.lock" {
					t.Errorf("left behind: %s", f.Name())
				}
			}
		})
	}
}

// awaitUnlocked waits until nobody has the lock: a monitor that the killed process was
// just starting has it until it is another program.
func awaitUnlocked(t *testing.T, pattern string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) != 1 {
		t.Fatalf("locks are %q, %v", files, err)
	}
	f, err := os.Open(files[0])
	must(t, err)
	must(t, unix.Flock(int(f.Fd()), unix.LOCK_EX))
	must(t, f.Close())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
