// Command bench measures vz beside the container tools that are installed, on
// the same root file system and in turn, so that a busy moment of the machine
// hits all of them. It prints medians as a table and writes JSON.
//
//	bench -vz ../bin/vz [-rounds 20] [-cases start-none,exec] [-layer TAR] [-json FILE]
//
// The case network measures ports published on the host and names. The bench is
// the client and the server itself, in the containers' network namespaces.
//
// The case sandbox uses package vzsandbox in this process, at least 200 times.
//
// It needs root and busybox-static, for the case pull also docker-registry,
// skopeo, zstd, e2fsprogs and loop devices, for the cases of stack
// docker-compose, for those of vm what vz doctor names. The row "floor" is the least C program that still makes a
// container: clone, overlay, pivot_root, exec. A tool that cannot do a case, as
// docker 20.10 cannot read zstd, is left out of it with the reason on stderr.
package main

import (
	_ "embed" // the manual
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vz.internal/tools/internal/manual"
)

//go:embed main.go
var source string

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A result is what one tool needed in one case.
type result struct {
	Case   string          `json:"case"`
	Tool   string          `json:"tool"`
	Unit   string          `json:"unit"` // "ms", "µs" or "MB"
	Median float64         `json:"median"`
	Min    float64         `json:"min"`
	Max    float64         `json:"max"`
	P95    float64         `json:"p95,omitempty"`
	P99    float64         `json:"p99,omitempty"`
	Runs   int             `json:"runs"`
	took   []time.Duration // of one tool in one case
}

func run() (err error) {
	vz := flag.String("vz", "bin/vz", "the vz to measure")
	rounds := flag.Int("rounds", 20, "runs of each tool in each case")
	only := flag.String("cases", "", "comma-separated cases; empty is all")
	out := flag.String("json", "", "file for the results as JSON")
	layer := flag.String("layer", "", "tar archive that is the pulled image's layer; empty makes one up")
	manual.ForFlags(source)
	flag.Parse()
	if os.Geteuid() != 0 {
		return errors.New("containers need root: run it as root")
	}
	if err := isolate(); err != nil {
		return err
	}
	path, err := filepath.Abs(*vz)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("%w: run `make build` first", err)
	}
	b, err := newBench(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	var all []result
	wanted := func(name string) bool { return *only == "" || slices.Contains(strings.Split(*only, ","), name) }
	for _, c := range cases {
		if !wanted(c.name) {
			continue
		}
		results, err := b.measure(c, *rounds)
		if err != nil {
			return fmt.Errorf("case %s: %w", c.name, err)
		}
		print(c, results)
		all = append(all, results...)
	}
	for _, count := range []int{1, 10} {
		if !wanted("memory") {
			break
		}
		results, err := b.memory(count)
		if err != nil {
			return fmt.Errorf("case memory: %w", err)
		}
		print(benchCase{title: fmt.Sprintf("Memory (PSS) of the process that keeps a container, %d at once", count)}, results)
		all = append(all, results...)
	}
	if wanted("network") {
		results, err := b.network(max(*rounds/2, 3))
		if err != nil {
			return fmt.Errorf("case network: %w", err)
		}
		for name, some := range byCase(results) {
			print(benchCase{title: networkTitles[name]}, some)
		}
		all = append(all, results...)
	}
	if wanted("pull") {
		results, err := b.pull(path, *layer, max(*rounds/5, 3))
		if err != nil {
			return fmt.Errorf("case pull: %w", err)
		}
		for name, some := range byCase(results) {
			print(benchCase{title: "Pull and unpack, " + strings.TrimPrefix(name, "pull-")}, some)
		}
		all = append(all, results...)
	}
	if wanted("vm") || slices.ContainsFunc(machineNames, wanted) {
		results, err := b.machines(path, func(name string) bool { return wanted("vm") || wanted(name) }, *rounds)
		if err != nil {
			return err
		}
		all = append(all, results...)
	}
	if wanted("sandbox") {
		results, err := b.sandboxes(path, *rounds)
		if err != nil {
			return fmt.Errorf("case sandbox: %w", err)
		}
		printSandboxes(results)
		all = append(all, results...)
	}
	var some []stackCase
	for _, c := range stackCases {
		if wanted("stack") || wanted(c.name()) {
			some = append(some, c)
		}
	}
	if len(some) > 0 {
		results, err := b.stacks(some, path, *rounds)
		if err != nil {
			return fmt.Errorf("case stack: %w", err)
		}
		for name, some := range byCase(results) {
			print(benchCase{title: "Compose project of services, " + strings.TrimPrefix(name, "stack-")}, some)
		}
		all = append(all, results...)
	}
	if *out == "" {
		return nil
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(*out, append(data, '\n'), 0o644) //nolint:gosec // for everybody to read
}

// byCase yields the results of each case, in order.
func byCase(results []result) iter.Seq2[string, []result] {
	return func(yield func(string, []result) bool) {
		for len(results) > 0 {
			n := 1
			for n < len(results) && results[n].Case == results[0].Case {
				n++
			}
			if !yield(results[0].Case, slices.Clone(results[:n])) {
				return
			}
			results = results[n:]
		}
	}
}

// print writes a case's table, the fastest first, with ratios to vz.
func print(c benchCase, results []result) {
	own := 0.0
	for _, r := range results {
		if r.Tool == "vz" {
			own = r.Median
		}
	}
	slices.SortFunc(results, func(a, b result) int {
		switch {
		case a.Median < b.Median:
			return -1
		case a.Median > b.Median:
			return 1
		}
		return 0
	})
	fmt.Printf("\n%s (%d rounds)\n\n| tool | median %s | min | max | to vz |\n|---|---|---|---|---|\n", c.title, results[0].Runs, results[0].Unit)
	for _, r := range results {
		ratio := "–"
		if own > 0 {
			ratio = fmt.Sprintf("%.2f×", r.Median/own)
		}
		fmt.Printf("| %s | %.1f | %.1f | %.1f | %s |\n", r.Tool, r.Median, r.Min, r.Max, ratio)
	}
}
