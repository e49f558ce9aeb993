package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A stackCase is a Compose project of many services, ten of them in a chain in
// which each waits until the one before it is healthy.
type stackCase struct{ services int }

const chained = 10

// stackPatience is how long one command may take: docker-compose with podman
// has been seen to hang.
const stackPatience = 3 * time.Minute

var stackCases = []stackCase{{chained}, {100}}

func (c stackCase) name() string { return fmt.Sprintf("stack-%d", c.services) }

// stackVerbs are measured one after the other: a project's life.
var stackVerbs = []struct {
	title string
	args  []string
}{
	{"up", []string{"up", "-d"}},
	{"up with nothing to do", []string{"up", "-d"}},
	{"down", []string{"down"}},
}

// file is the project as all tools read it: each container ends at SIGTERM at
// once. Without health the chain is of starts alone.
func (c stackCase) file(health bool) string {
	var text strings.Builder
	text.WriteString("services:\n")
	for i := range c.services {
		fmt.Fprintf(&text, "  s%d:\n    image: %s\n    command: [/bin/sh, -c, \"trap 'exit 0' TERM; sleep 1000000 & wait\"]\n", i, imageName)
		if i >= chained {
			continue
		}
		condition := "service_started"
		if health {
			condition = "service_healthy"
			text.WriteString("    healthcheck: {test: [CMD, /bin/true], interval: 100ms, retries: 100}\n")
		}
		if i > 0 {
			fmt.Fprintf(&text, "    depends_on: {s%d: {condition: %s}}\n", i-1, condition)
		}
	}
	return text.String()
}

// stacks measures the projects with every tool that runs Compose files here, in
// turn; one life of the first one is for warmth only.
func (b *bench) stacks(some []stackCase, vz string, rounds int) (results []result, err error) {
	var tools []*stacker
	defer func() {
		for _, s := range tools {
			err = errors.Join(err, s.stop())
		}
	}()
	for _, s := range allStackers(b, vz) {
		if err := s.prepare(); err != nil {
			fmt.Fprintf(os.Stderr, "without %s: %v\n", s.label, err)
			continue
		}
		tools = append(tools, s)
	}
	if _, err := some[0].measure(tools, 1); err != nil {
		return nil, err
	}
	for _, c := range some {
		measured, err := c.measure(tools, max(rounds*chained/c.services/4, 3))
		if err != nil {
			return nil, err
		}
		results = append(results, measured...)
	}
	return results, nil
}

// measure takes the project through lives with each tool in turn. What a tool
// other than vz fails at is told on stderr and not counted; one that can no
// longer bring the project up is left out from then on.
func (c stackCase) measure(tools []*stacker, rounds int) ([]result, error) {
	all := make([]result, len(stackVerbs)*len(tools)) // by verb, then tool
	failed := map[*stacker]bool{}
	for range rounds {
		for i, s := range tools {
			if failed[s] {
				continue
			}
			took, err := c.life(s)
			for v, d := range took {
				all[v*len(tools)+i].took = append(all[v*len(tools)+i].took, d)
			}
			if err == nil {
				continue
			}
			err = fmt.Errorf("%s: %s: %w", c.name(), s.label, err)
			if s.label == "vz" {
				return nil, err
			}
			failed[s] = len(took) == 0
			fmt.Fprintln(os.Stderr, "not counted:", err)
		}
	}
	var results []result
	for i := range all {
		if len(all[i].took) > 0 {
			all[i].summarize(c.name()+": "+stackVerbs[i/len(tools)].title, tools[i%len(tools)].label)
			results = append(results, all[i])
		}
	}
	return results, nil
}

// write puts the project into a directory and returns its file.
func (c stackCase) write(dir string, health bool) (file string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a project
		return "", err
	}
	file = filepath.Join(dir, "compose.yaml")
	return file, os.WriteFile(file, []byte(c.file(health)), 0o644) //nolint:gosec // a project
}

// life takes a project of its own through its verbs and returns what each took,
// those before one that failed.
func (c stackCase) life(s *stacker) (took []time.Duration, err error) {
	s.lives++
	// A name of its own: a network that docker fails to remove is not met again.
	file, err := c.write(filepath.Join(s.bench.dir, fmt.Sprintf("%s-%d", c.name(), s.lives)), s.health)
	if err != nil {
		return nil, err
	}
	for i, verb := range stackVerbs {
		began := time.Now()
		if err := within(stackPatience, s.command(file, verb.args...)...); err != nil {
			_ = within(stackPatience, s.command(file, "down", "-t", "0")...) // the first error says more
			return took, err
		}
		took = append(took, time.Since(began))
		want := c.services
		if i == len(stackVerbs)-1 {
			want = 0
		}
		args := s.command(file, "ps", "-q")
		out, err := exec.Command(args[0], args[1:]...).Output()
		if err != nil {
			return took, fmt.Errorf("%q: %w", args, err)
		}
		if n := len(strings.Fields(string(out))); n != want {
			return took, fmt.Errorf("after %s there are %d containers, not %d", verb.title, n, want)
		}
	}
	return took, nil
}
