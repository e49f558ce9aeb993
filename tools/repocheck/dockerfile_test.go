package repocheck

import (
	"regexp"
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

func TestKernelDockerfile(t *testing.T) {
	for _, p := range dockerfileProblems(read(t, "kernel/Dockerfile")) {
		t.Errorf("kernel/Dockerfile has %s", p)
	}
	script := read(t, "kernel/kernel.sh")
	for _, step := range regexp.MustCompile(`\./kernel\.sh ([a-z]+)`).FindAllStringSubmatch(read(t, "kernel/Dockerfile"), -1) {
		if !strings.Contains(script, "\t"+step[1]+")") && !strings.Contains(script, "| "+step[1]) {
			t.Errorf("kernel.sh has no step %s", step[1])
		}
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
