//go:build linux

package e2e

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vz.internal/tools/e2e/internal/need"
	"vz.internal/tools/e2e/internal/peer"
	"vz.internal/tools/e2e/internal/vztest"
)

// A question is a command line that vz, docker and podman must answer alike:
// with the same exit code and output.
type question struct {
	name  string
	image string // of the busybox images; "busybox" if empty
	flags []string
	args  []string
	stdin string
	// only names the peers to ask; all if empty. why says what is wrong with
	// the others.
	only, why string
	differs   []difference
}

// A difference is one that is meant: lines that match are left out of the
// answers of vz and of the peer.
type difference struct {
	peer    string // "" for all
	pattern string
	why     string
}

// ask compares the answers. Peers that the machine lacks are left out.
func (q question) ask(t *testing.T, h *vztest.Home, peers []*peer.Peer) {
	t.Helper()
	image := q.image
	if image == "" {
		image = "busybox"
	}
	ours := h.DoWith(q.stdin, slices.Concat([]string{"run", "--rm", "-q", "--network", "none"}, q.flags, []string{busybox(t, image)}, q.args)...)
	for _, p := range peers {
		if q.only != "" && q.only != p.Name {
			continue
		}
		theirs, err := p.Run(q.stdin, slices.Concat([]string{"--rm", "--network", "none"}, q.flags, []string{name(image)}, q.args)...)
		if err != nil {
			t.Fatal(err)
		}
		if ours.Code != theirs.Code {
			t.Errorf("exit code %d, stderr %q; %s: %d, %q", ours.Code, ours.Stderr, p.Name, theirs.Code, theirs.Stderr)
			continue
		}
		compare(t, "stdout", p.Name, q.comparable(ours.Stdout, p.Name), q.comparable(theirs.Stdout, p.Name))
		if ours.Code < 125 {
			compare(t, "stderr", p.Name, q.comparable(ours.Stderr, p.Name), q.comparable(theirs.Stderr, p.Name))
		}
	}
}

// compare shows the lines that only one has.
func compare(t *testing.T, stream, peer string, ours, theirs []string) {
	t.Helper()
	if slices.Equal(ours, theirs) {
		return
	}
	var text strings.Builder
	for _, line := range ours {
		if !slices.Contains(theirs, line) {
			text.WriteString("\n\tvz     " + line)
		}
	}
	for _, line := range theirs {
		if !slices.Contains(ours, line) {
			text.WriteString("\n\t" + peer + " " + line)
		}
	}
	if text.Len() == 0 {
		text.WriteString(" (in another order, or as often)")
	}
	t.Errorf("%s differs from %s's:%s", stream, peer, text.String())
}

func name(tag string) string { return "localhost/e2e:" + tag }

// comparable returns the lines without those that are meant to differ.
func (q question) comparable(text, peer string) (lines []string) {
line:
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		for _, d := range slices.Concat(q.differs, always) {
			if (d.peer == "" || d.peer == peer) && regexp.MustCompile(d.pattern).MatchString(line) {
				continue line
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// always are differences of every answer.
var always = []difference{
	{"podman", `^time=.*healthchecks: dial unix`, "podman has systemd run its health checks"},
	{"podman", `^(container=|TERM=xterm$)`, "podman sets variables of its own; vz and docker do not"},
	{"podman", `^uid=0\(root\) gid=0\(root\)( groups=0\(root\))?$`, "podman leaves root without supplementary groups"},
	{"", `^HOSTNAME=[0-9a-f]{12}$`, "it is the container's id"},
}

// peers starts docker and podman with the images of the questions.
func peers(t *testing.T, questions []question) (list []*peer.Peer) {
	t.Helper()
	layout := busyboxLayout(t)
	for _, p := range []struct {
		programs []string
		start    func(dir string) (*peer.Peer, error)
	}{{peer.DockerPrograms, peer.Docker}, {peer.PodmanPrograms, peer.Podman}} {
		t.Run("start "+p.programs[0], func(sub *testing.T) {
			need.Programs(sub, p.programs...)
			dir, err := os.MkdirTemp("", "e2e") // short, for its sockets
			if err != nil {
				sub.Fatal(err)
			}
			t.Cleanup(func() {
				if err := os.RemoveAll(dir); err != nil {
					t.Error(err)
				}
			})
			started, err := p.start(dir)
			if err != nil {
				sub.Fatal(err)
			}
			t.Cleanup(func() {
				if err := started.Close(); err != nil {
					t.Error(err)
				}
			})
			loaded := map[string]bool{}
			for _, q := range questions {
				image := q.image
				if image == "" {
					image = "busybox"
				}
				if loaded[image] {
					continue
				}
				loaded[image] = true
				if err := started.Load(layout, image, name(image), dir); err != nil {
					sub.Fatal(err)
				}
			}
			list = append(list, started)
		})
	}
	return list
}

// TestLikeDockerAndPodman asks every question.
func TestLikeDockerAndPodman(t *testing.T) {
	h := vztest.New(t)
	questions := slices.Concat(programQuestions, userQuestions, systemQuestions, fileQuestions)
	with := peers(t, questions)
	if len(with) == 0 {
		need.Missing(t, "program", "neither docker nor podman runs here")
	}
	for _, q := range questions {
		t.Run(q.name, func(t *testing.T) { q.ask(t, h, with) })
	}
}
