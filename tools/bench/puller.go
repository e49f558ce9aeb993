package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
)

// A puller pulls and unpacks an image into a store that has nothing of it.
type puller interface {
	name() string
	// open makes the store below dir ready; what it does is not measured.
	open(dir string) error
	pull(ref string) []string
	// forget takes the image out of the store, or makes it anew.
	forget(ref string) error
	close() error
}

func (b *bench) pullers(vz string) []puller {
	return []puller{
		&storePuller{tool: "vz", command: func(dir, ref string) []string {
			return []string{"env", "VZ_HOME=" + dir, "VZ_RUN=" + dir + "/run", vz, "pull", "-q", ref}
		}},
		&storePuller{tool: "podman", command: func(dir, ref string) []string {
			return []string{"podman", "--root", dir, "--runroot", dir + "/run", "pull", "-q", "--tls-verify=false", ref}
		}},
		&dockerPuller{bench: b},
		&containerdPuller{bench: b},
	}
}

// storePuller is a tool that makes its store when it first needs it.
type storePuller struct {
	tool, dir string
	command   func(dir, ref string) []string
}

func (p *storePuller) name() string { return p.tool }

func (p *storePuller) open(dir string) error {
	p.dir = dir
	if p.tool != "vz" {
		if _, err := exec.LookPath(p.tool); err != nil {
			return err
		}
	}
	return os.Mkdir(dir, 0o755) //nolint:gosec // a store
}

func (p *storePuller) pull(ref string) []string { return p.command(p.dir, ref) }

func (p *storePuller) forget(string) error {
	return errors.Join(p.close(), os.Mkdir(p.dir, 0o755)) //nolint:gosec // a store
}

func (p *storePuller) close() error { return os.RemoveAll(p.dir) }

// dockerPuller is docker, whose daemon is up before the pull.
type dockerPuller struct {
	bench  *bench
	daemon *daemon
	dir    string
	ask    []string
}

func (p *dockerPuller) name() string { return "docker" }

func (p *dockerPuller) open(dir string) (err error) {
	p.dir = dir
	p.daemon, p.ask, err = p.bench.dockerd(dir)
	return err
}

func (p *dockerPuller) pull(ref string) []string {
	return append(p.ask[:len(p.ask):len(p.ask)], "pull", "-q", ref)
}

func (p *dockerPuller) forget(ref string) error {
	return quiet(append(p.ask[:len(p.ask):len(p.ask)], "rmi", "-f", ref)...)
}

func (p *dockerPuller) close() error {
	err := p.daemon.stop()
	_ = quiet("umount", "--lazy", p.dir) // dockerd mounts it on itself and may leave it so
	return errors.Join(err, os.RemoveAll(p.dir))
}

// containerdPuller is containerd with its ctr.
type containerdPuller struct {
	bench  *bench
	daemon *daemon
	dir    string
}

func (p *containerdPuller) name() string { return "containerd" }

func (p *containerdPuller) ctr(args ...string) []string {
	return append([]string{"ctr", "--address", filepath.Join(p.bench.dir, "containerd.sock")}, args...)
}

func (p *containerdPuller) open(dir string) (err error) {
	p.dir = dir
	for _, program := range []string{"containerd", "ctr"} {
		if _, err := exec.LookPath(program); err != nil {
			return err
		}
	}
	config := filepath.Join(p.bench.dir, "containerd.toml")
	if err := os.WriteFile(config, []byte("version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n"), 0o600); err != nil {
		return err
	}
	p.daemon, err = startDaemon(filepath.Join(p.bench.dir, "containerd.log"), func() error { return quiet(p.ctr("version")...) },
		"containerd", "--config", config, "--address", filepath.Join(p.bench.dir, "containerd.sock"), "--root", dir, "--state", filepath.Join(p.bench.dir, "containerd"))
	return err
}

func (p *containerdPuller) pull(ref string) []string {
	return p.ctr("images", "pull", "--plain-http", ref)
}

// forget waits until containerd has collected the blobs and snapshots.
func (p *containerdPuller) forget(ref string) error {
	return quiet(p.ctr("images", "rm", "--sync", ref)...)
}

func (p *containerdPuller) close() error { return errors.Join(p.daemon.stop(), os.RemoveAll(p.dir)) }
