package conformance

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// A Probe lists things that a backend may leak: mounts, cgroups, interfaces,
// elements of nft sets, processes. Take returns one line for each; lines that
// were not there before a check and stay after it are leaks.
type Probe struct {
	Name string
	Take func() ([]string, error)
}

// leakPatience is how long what is on its way out may take.
const leakPatience = 10 * time.Second

func takeProbes(t *testing.T, probes []Probe) [][]string {
	t.Helper()
	all := make([][]string, len(probes))
	for i, p := range probes {
		lines, err := p.Take()
		if err != nil {
			t.Fatalf("probe %s: %v", p.Name, err)
		}
		all[i] = lines
	}
	return append(all, goroutines())
}

func compareProbes(t *testing.T, probes []Probe, before [][]string) {
	t.Helper()
	for i, p := range append(slices.Clone(probes), Probe{Name: "goroutines", Take: func() ([]string, error) { return goroutines(), nil }}) {
		var leaked []string
		deadline := time.Now().Add(leakPatience)
		for pause := time.Millisecond; ; pause *= 2 {
			lines, err := p.Take()
			if err != nil {
				t.Errorf("probe %s: %v", p.Name, err)
				break
			}
			if leaked = added(before[i], lines); len(leaked) == 0 || time.Now().After(deadline) {
				break
			}
			<-time.After(pause) // the kernel and goroutines tell nobody when they are done
		}
		if len(leaked) > 0 {
			t.Errorf("leaked %s:\n%s", p.Name, strings.Join(leaked, "\n"))
		}
	}
}

// added returns the lines of after that before does not have, counted.
func added(before, after []string) []string {
	count := map[string]int{}
	for _, line := range before {
		count[line]++
	}
	var more []string
	for _, line := range after {
		if count[line]--; count[line] < 0 {
			more = append(more, line)
		}
	}
	return more
}

// goroutines returns the creation sites of all goroutines.
func goroutines() []string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var sites []string
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		at := strings.LastIndex(stack, "created by ")
		if at < 0 || strings.Contains(stack, "testing.(*T).Run") {
			continue
		}
		site, _, _ := strings.Cut(stack[at+len("created by "):], "\n")
		site, _, _ = strings.Cut(site, " in goroutine")
		sites = append(sites, site)
	}
	slices.Sort(sites)
	return sites
}
