// Package peer runs other container programs on the same images as vz, to
// compare what the containers see. Each keeps its state in a directory of the
// test's own, in namespaces of its own where it would change the host, and takes
// its images from files, since it may not reach the test's registry.
package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// patience is how long a command may take before it counts as hung.
const patience = 2 * time.Minute

// A Peer is a container program with docker's verbs.
type Peer struct {
	Name string

	// Host is where docker's daemon listens, for docker-compose; "" for podman.
	Host string

	prefix []string // of every command
	run    []string // flags of every run
	stop   func() error
}

// A Result is what a command did.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Run runs a container of a loaded image with flags and arguments of docker run.
func (p *Peer) Run(stdin string, args ...string) (Result, error) {
	args = append(append([]string{"run"}, p.run...), args...)
	return p.do(stdin, args...)
}

// Load takes an image from an OCI layout and gives it the name.
func (p *Peer) Load(layout, tag, name, scratch string) error {
	archive := scratch + "/" + p.Name + "-" + tag + ".tar"
	skopeo := exec.Command("skopeo", "--insecure-policy", "copy", "--quiet", "oci:"+layout+":"+tag, "docker-archive:"+archive+":"+name)
	if out, err := skopeo.CombinedOutput(); err != nil {
		return fmt.Errorf("write image %s as an archive: %w: %s", name, err, out)
	}
	r, err := p.do("", "load", "-q", "-i", archive)
	if err == nil && r.Code != 0 {
		err = errors.New(r.Stderr)
	}
	if err != nil {
		return fmt.Errorf("%s load %s: %w", p.Name, name, err)
	}
	return nil
}

// Close ends what belongs to the peer.
func (p *Peer) Close() error { return p.stop() }

func (p *Peer) do(stdin string, args ...string) (Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	args = append(p.prefix, args...)
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		err = nil
	}
	return Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}, err
}
