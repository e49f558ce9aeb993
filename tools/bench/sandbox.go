package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"vz.internal/vzlinuxnative"
	"vz.internal/vzsandbox"
)

// sandboxRounds is the least number of runs: so many that a 99th percentile means
// something.
const sandboxRounds = 200

// sandboxes measures vzsandbox as programs use it, in this process, with the vz-monitor
// beside vz. The outcome is one of vz alone: nobody else has the like.
func (b *bench) sandboxes(vz string, rounds int) (results []result, err error) {
	rounds = max(rounds, sandboxRounds)
	backend, err := vzlinuxnative.Open(vzlinuxnative.Options{
		Home: filepath.Join(b.dir, "sandbox"), Run: filepath.Join(b.run(), "sandbox"),
		Monitor: []string{filepath.Join(filepath.Dir(vz), "vz-monitor")},
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, backend.Close()) }()
	host, err := vzsandbox.New(backend, vzsandbox.Options{Dir: filepath.Join(b.dir, "sandbox/sandboxes"), Root: b.dir})
	if err != nil {
		return nil, err
	}
	t := vzsandbox.Template{Rootfs: b.root}
	for _, c := range []struct {
		name    string
		measure func(context.Context, *vzsandbox.Host, vzsandbox.Template, int) ([]time.Duration, error)
	}{
		{"sandbox-create", createSandboxes}, {"sandbox-acquire", acquireSandboxes}, {"sandbox-exec", execInSandbox},
	} {
		took, err := c.measure(context.Background(), host, t, rounds)
		if err != nil {
			return nil, fmt.Errorf("case %s: %w", c.name, err)
		}
		r := result{took: took}
		r.summarize(c.name, "vz")
		r.P95, r.P99 = percentile(r.took, 95), percentile(r.took, 99)
		results = append(results, r)
	}
	for _, count := range []int{1, 10} {
		idle, err := idleSandboxes(backend, host, t, count)
		if err != nil {
			return nil, fmt.Errorf("case sandbox-idle: %w", err)
		}
		results = append(results, idle)
	}
	return results, nil
}

// percentile of times that are sorted, in milliseconds: the nearest rank.
func percentile(sorted []time.Duration, p int) float64 {
	at := (len(sorted)*p + 99) / 100
	return float64(sorted[at-1].Nanoseconds()) / 1e6
}

// createSandboxes measures the making of a sandbox without a pool.
func createSandboxes(ctx context.Context, h *vzsandbox.Host, t vzsandbox.Template, rounds int) (all []time.Duration, err error) {
	for range rounds {
		began := time.Now()
		s, err := h.Create(ctx, t, vzsandbox.CreateOptions{})
		if err != nil {
			return nil, err
		}
		all = append(all, time.Since(began))
		if err := s.Remove(ctx); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// acquireSandboxes measures from the wish for a warm sandbox to the first byte that a
// program in it writes. Each is one of its own; between, the pool is given the time to
// make another.
func acquireSandboxes(ctx context.Context, h *vzsandbox.Host, t vzsandbox.Template, rounds int) (all []time.Duration, err error) {
	const size = 4
	p, err := h.NewPool(ctx, t, vzsandbox.PoolOptions{Name: "bench", Size: size})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Close(ctx)) }()
	for range rounds {
		for st := p.Status(); st.Idle < size; st = p.Status() {
			if st.Err != nil {
				return nil, st.Err
			}
			time.Sleep(time.Millisecond) // not a measured moment
		}
		began := time.Now()
		s, err := p.Acquire(ctx, vzsandbox.AcquireOptions{})
		if err != nil {
			return nil, err
		}
		var first time.Duration
		_, err = s.Run(ctx, vzsandbox.Command{Args: []string{"echo", "x"}, Stdout: writer(func() {
			if first == 0 {
				first = time.Since(began)
			}
		})})
		if err != nil {
			return nil, err
		}
		if all = append(all, first); first == 0 {
			return nil, errors.New("echo wrote nothing")
		}
		if err := p.Release(ctx, s); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// A writer is told that something was written.
type writer func()

func (w writer) Write(b []byte) (int, error) {
	w()
	return len(b), nil
}

// execInSandbox measures `true` from its wish to its end in one sandbox.
func execInSandbox(ctx context.Context, h *vzsandbox.Host, t vzsandbox.Template, rounds int) (all []time.Duration, err error) {
	s, err := h.Create(ctx, t, vzsandbox.CreateOptions{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Remove(ctx)) }()
	for range rounds {
		r, err := s.Run(ctx, vzsandbox.Command{Args: []string{"true"}})
		if err != nil {
			return nil, err
		}
		all = append(all, r.Took)
	}
	return all, nil
}

// idleSandboxes measures what a warm sandbox costs in memory: its monitor and its process
// 1, when so many are there.
func idleSandboxes(b *vzlinuxnative.Backend, h *vzsandbox.Host, t vzsandbox.Template, count int) (_ result, err error) {
	ctx := context.Background()
	const monitor = "vz-monitor"
	before, err := pids(monitor)
	if err != nil {
		return result{}, err
	}
	var all []*vzsandbox.Sandbox
	for range count {
		s, err := h.Create(ctx, t, vzsandbox.CreateOptions{})
		if err != nil {
			return result{}, err
		}
		defer func() { err = errors.Join(err, s.Remove(ctx)) }()
		all = append(all, s)
	}
	time.Sleep(2 * time.Second) // what a start needed is given back by then
	total, err := newest(monitor, before)
	if err != nil {
		return result{}, err
	}
	for _, s := range all {
		c, err := b.Inspect(ctx, s.ID())
		if err != nil {
			return result{}, err
		}
		mb, err := pss(c.PID)
		if err != nil {
			return result{}, err
		}
		total += mb
	}
	each := total / float64(count)
	return result{Case: fmt.Sprintf("sandbox-idle-%d", count), Tool: "vz", Unit: "MB", Median: each, Min: each, Max: each, Runs: 1}, nil
}

// sandboxTitles of the cases.
var sandboxTitles = map[string]string{
	"sandbox-create": "Making of a sandbox, no pool", "sandbox-acquire": "Acquire of a warm sandbox to the first byte of `echo`",
	"sandbox-exec": "`true` in a sandbox, to its end", "sandbox-idle-1": "Memory (PSS) of an idle sandbox, alone", "sandbox-idle-10": "Memory (PSS) of an idle sandbox, of ten",
}

// printSandboxes writes a table of its own: percentiles, and nobody to compare with.
func printSandboxes(results []result) {
	fmt.Printf("\nSandboxes (%d runs)\n\n| case | unit | p50 | p95 | p99 | min | max |\n|---|---|---|---|---|---|---|\n", results[0].Runs)
	for _, r := range results {
		percentiles := "– | –"
		if r.P99 > 0 {
			percentiles = fmt.Sprintf("%.2f | %.2f", r.P95, r.P99)
		}
		fmt.Printf("| %s | %s | %.2f | %s | %.2f | %.2f |\n", sandboxTitles[r.Case], r.Unit, r.Median, percentiles, r.Min, r.Max)
	}
}
