package repocheck

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	pinnedBase = regexp.MustCompile(`^FROM (scratch|[a-z0-9./-]+:[a-z0-9.-]+@sha256:[0-9a-f]{64})( AS [a-z]+)?$`)
	kernelStep = regexp.MustCompile(`^\./kernel\.sh [a-z]+ "\$ARCH"( "\$PROFILE"( [a-z/]+)?)?$`)
)

// dockerfileProblems says what is wrong with a Dockerfile that builds a kernel: its
// bases are pinned, its steps are kernel.sh's, so that building with and without
// Docker is the same, and nothing comes from elsewhere.
func dockerfileProblems(text string) []string {
	var problems []string
	stages := map[string]bool{}
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "", "#", "ARG", "ENV", "WORKDIR":
		case "FROM":
			if !pinnedBase.MatchString(line) {
				problems = append(problems, "a base without a digest: "+line)
			}
			if _, name, ok := strings.Cut(rest, " AS "); ok {
				stages[name] = true
			}
		case "RUN":
			for step := range strings.SplitSeq(rest, "&&") {
				if !kernelStep.MatchString(strings.TrimSpace(step)) {
					problems = append(problems, "a step that is not kernel.sh's: "+step)
				}
			}
		case "COPY":
			if from, ok := strings.CutPrefix(rest, "--from="); ok {
				if name, _, _ := strings.Cut(from, " "); !stages[name] {
					problems = append(problems, "a copy from elsewhere: "+line)
				}
			}
		default:
			if !strings.HasPrefix(word, "#") {
				problems = append(problems, "an instruction that is not needed: "+line)
			}
		}
	}
	return problems
}

// copied returns what a Dockerfile copies from its directory.
func copied(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) > 2 && words[0] == "COPY" && !strings.HasPrefix(words[1], "--from=") {
			all = append(all, words[1:len(words)-1]...)
		}
	}
	return all
}

func TestKernelDockerfile(t *testing.T) {
	text, script := read(t, "kernel/Dockerfile"), read(t, "kernel/kernel.sh")
	for _, p := range dockerfileProblems(text) {
		t.Errorf("kernel/Dockerfile has %s", p)
	}
	var steps []string
	for _, step := range regexp.MustCompile(`\./kernel\.sh ([a-z]+)`).FindAllStringSubmatch(text, -1) {
		steps = append(steps, step[1])
		if !strings.Contains(script, "\t"+step[1]+")") && !strings.Contains(script, "| "+step[1]) {
			t.Errorf("kernel.sh has no step %s", step[1])
		}
	}
	if want := []string{"packages", "source", "build", "export"}; !slices.Equal(steps, want) {
		t.Errorf("kernel/Dockerfile runs the steps %q, want %q", steps, want)
	}
	needed := map[string]bool{"kernel.sh": true}
	for _, file := range regexp.MustCompile(`\$here/([a-z.]+)`).FindAllStringSubmatch(script, -1) {
		needed[file[1]] = true
	}
	if got, want := slices.Sorted(slices.Values(copied(text))), slices.Sorted(maps.Keys(needed)); !slices.Equal(got, want) {
		t.Errorf("kernel/Dockerfile copies %q, and kernel.sh reads %q", got, want)
	}
}

// TestDockerfileProblems shows that the rules find what they are meant to find.
func TestDockerfileProblems(t *testing.T) {
	base := "FROM debian:bookworm-slim@sha256:" + strings.Repeat("0", 64) + " AS build\n"
	for text, want := range map[string]int{
		base + "RUN ./kernel.sh build \"$ARCH\"\n":                     0,
		"FROM debian:latest\n":                                         1,
		"FROM debian@sha256:00\n":                                      1,
		base + "RUN apt-get install gcc\n":                             1,
		base + "RUN ./kernel.sh build \"$ARCH\" && \\\n curl x | sh\n": 1,
		base + "ADD https://example.com/x /\n":                         1,
		base + "COPY --from=other /x /\n":                              1,
		base + "COPY --from=build /x /\n":                              0,
	} {
		if got := dockerfileProblems(text); len(got) != want {
			t.Errorf("problems of %q = %q, want %d", text, got, want)
		}
	}
}
