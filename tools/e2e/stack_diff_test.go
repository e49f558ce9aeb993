//go:build linux

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vz.internal/tools/e2e/internal/need"
	"vz.internal/tools/e2e/internal/peer"
	"vz.internal/tools/e2e/internal/vztest"
)

// The daemon that docker-compose is given has no bridge, so no service has a network.
const diffFile = `
version: "2.4"
services:
  first:
    image: ${IMAGE}
    network_mode: none
    command: sh -c 'env | grep -v HOSTNAME | sort'
    env_file: app.env
    environment: {OWN: "a $$b ${FROM_DOTENV}", SHARED: own, PASSED: , EMPTY: "", NUMBER: 12, MINUS: "${UNSET-x}", COLON: "${EMPTY_THERE:-y}", QUOTED_THERE: "${QUOTED}"}
  second: {image: "${IMAGE}", network_mode: none, command: sh -c 'exit 7', depends_on: [first]}
  third: {image: "${IMAGE}", network_mode: none, init: true, command: sleep 1000, depends_on: [second]}
`

// The only one that ends is what all end with.
const abortFile = `
version: "2.4"
services:
  stays: {image: "${IMAGE}", network_mode: none, init: true, command: sleep 1000}
  ends: {image: "${IMAGE}", network_mode: none, command: "sh -c '${ENDS}'", depends_on: [stays]}
`

// appEnv has the forms of lines that both read alike.
const appEnv = `SHARED=file
FILE=yes # no
# a comment

export EXPORTED=1
DOUBLE="a b"
SINGLE='a $FILE b'
HASH=a#b
NOTHING=
EQUALS=a=b=c
`

// TestStackLikeDockerCompose compares exit codes and the services' environment with
// docker-compose 1.29.
func TestStackLikeDockerCompose(t *testing.T) {
	need.Programs(t, append(peer.DockerPrograms, "docker-compose")...)
	h := stackHome(t)
	layout := busyboxLayout(t)
	dir, err := os.MkdirTemp("", "e2e") // short, for its sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	docker, err := peer.Docker(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := docker.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := docker.Load(layout, "busybox", name("busybox"), dir); err != nil {
		t.Fatal(err)
	}
	project := filepath.Join(h.Dir, "shop")
	for file, text := range map[string]string{
		"compose.yaml": diffFile, "abort.yaml": abortFile, "app.env": appEnv,
		".env": "FROM_DOTENV=dotenv\nEMPTY_THERE=\nQUOTED=\"q r\" # s\n",
	} {
		if err := os.MkdirAll(project, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(project, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file, ends := "compose.yaml", "exit 5"
	ours := func(args ...string) vztest.Result {
		cmd := h.Command(append([]string{"stack", "-f", filepath.Join(project, file)}, args...)...)
		cmd.Env = append(cmd.Env, "PASSED=through", "ENDS="+ends, "IMAGE="+busybox(t, "busybox"))
		return vztest.Finish(cmd)
	}
	theirs := func(args ...string) vztest.Result {
		cmd := exec.Command("docker-compose", append([]string{"-f", filepath.Join(project, file)}, args...)...)
		cmd.Env = append(h.Environ(), "DOCKER_HOST="+docker.Host, "PASSED=through", "ENDS="+ends, "IMAGE="+name("busybox"))
		cmd.Dir = project
		return vztest.Finish(cmd)
	}
	t.Cleanup(func() { theirs("down", "-t", "0"); ours("down", "-t", "0") })
	for _, flags := range [][]string{
		{"up", "--no-color", "--exit-code-from", "second"},
		{"up", "--no-color", "--exit-code-from", "third"},
		{"run", "--rm", "-T", "--no-deps", "second"},
		{"run", "--rm", "-T", "--no-deps", "first", "sh", "-c", "exit 9"},
	} {
		a, b := ours(flags...), theirs(flags...)
		if a.Code != b.Code {
			t.Errorf("%v: exit code %d, docker-compose's %d\n%s\n%s", flags, a.Code, b.Code, a, b)
		}
	}
	got := variables(ours("logs", "--no-log-prefix", "first").Stdout)
	if !slices.Contains(got, "SHARED=own") || !slices.Contains(got, "OWN=a $b dotenv") || !slices.Contains(got, "PASSED=through") {
		t.Errorf("the environment is %q", got)
	}
	compare(t, "environment", "docker-compose", got, variables(theirs("logs", "--no-color", "first").Stdout))
	ask := func(prefix ...string) string {
		ids, err := exec.Command(prefix[0], append(prefix[1:], "ps", "-aq")...).Output()
		if err != nil {
			t.Fatal(err)
		}
		args := append(slices.Clone(prefix[1:]), "inspect", "-f", `{{.State.StartedAt}} {{index .Config.Labels "com.docker.compose.service"}}`)
		out, err := exec.Command(prefix[0], append(args, strings.Fields(string(ids))...)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return inOrder(string(out))
	}
	const order = "first second third"
	if got := ask("docker", "-H", docker.Host); got != order {
		t.Errorf("docker-compose started %s", got)
	}
	if got := ask("vz", "--home", h.Home(), "--run", h.Run()); got != order {
		t.Errorf("vz started %s", got)
	}
	file = "abort.yaml"
	for _, ends = range []string{"exit 0", "exit 5", "exit 200"} {
		for _, flags := range [][]string{{"--abort-on-container-exit"}, {"--exit-code-from", "ends"}} {
			flags = append([]string{"up", "--no-color", "--force-recreate", "--remove-orphans"}, flags...)
			a, b := ours(flags...), theirs(flags...)
			if a.Code != b.Code {
				t.Errorf("%s, %v: exit code %d, docker-compose's %d\n%s\n%s", ends, flags, a.Code, b.Code, a, b)
			}
		}
	}
}

// inOrder returns the second words of lines sorted by the times before them.
func inOrder(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	slices.Sort(lines)
	for i, line := range lines {
		_, lines[i], _ = strings.Cut(line, " ")
	}
	return strings.Join(lines, " ")
}

// variables are the lines of a log that set some, without what stands before them.
func variables(log string) (lines []string) {
	for line := range strings.Lines(log) {
		_, text, found := strings.Cut(line, "| ")
		if !found {
			text = line
		}
		if text = strings.TrimSpace(text); strings.Contains(text, "=") && !slices.Contains(lines, text) {
			lines = append(lines, text)
		}
	}
	slices.Sort(lines)
	return lines
}
