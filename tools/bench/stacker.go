package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
)

// A stacker runs Compose files.
type stacker struct {
	label string
	bench *bench
	// health: it probes containers, also on a host without systemd.
	health bool
	// open gets its engine ready and fills in the other fields.
	open func(*stacker) error

	env    []string // of every command
	argv   []string // begins every command on a project
	engine []string // begins every command of the engine
	daemon *daemon  // nil where there is none
	mount  string   // of its storage, which outlives it
	lives  int      // of projects so far
}

// allStackers are vz and docker-compose with either engine that it can talk to.
// Each has its images and containers in a directory of its own.
func allStackers(b *bench, vz string) []*stacker {
	return []*stacker{
		{label: "vz", bench: b, health: true, open: func(s *stacker) error {
			s.env = []string{"VZ_HOME=" + b.dir + "/vz-stack/home", "VZ_RUN=" + b.dir + "/vz-stack/run"}
			s.argv, s.engine = []string{vz, "stack"}, []string{vz}
			return nil
		}},
		{label: "docker-compose with docker", bench: b, health: true, open: func(s *stacker) (err error) {
			if s.daemon, s.engine, err = b.dockerd(filepath.Join(b.dir, "docker-stack")); err != nil {
				return err
			}
			return s.dockerCompose(s.engine[2])
		}},
		{label: "docker-compose with podman, no health", bench: b, open: func(s *stacker) error {
			if err := s.podman(filepath.Join(b.dir, "podman-stack")); err != nil {
				return err
			}
			return s.dockerCompose("unix://" + b.dir + "/podman-stack/sock")
		}},
	}
}

// prepare gives the tool the image; a failure leaves nothing running.
func (s *stacker) prepare() error {
	err := s.open(s)
	if err == nil {
		archive := filepath.Join(s.bench.dir, "stack.tar")
		if err = quiet("tar", "-C", s.bench.root, "-cf", archive, "."); err == nil {
			err = quiet(s.with(s.engine, "import", archive, imageName)...)
		}
	}
	if err != nil {
		return errors.Join(err, s.stop())
	}
	return nil
}

// dockerCompose has the project's commands be docker-compose's.
func (s *stacker) dockerCompose(host string) error {
	if _, err := exec.LookPath("docker-compose"); err != nil {
		return err
	}
	// At its limit docker-compose waits for itself.
	s.env = append(s.env, "DOCKER_HOST="+host, "COMPOSE_HTTP_TIMEOUT=600", "COMPOSE_PARALLEL_LIMIT=1000")
	s.argv = []string{"docker-compose"}
	return nil
}

// podman serves docker's API from podman with its state under dir.
func (s *stacker) podman(dir string) error {
	if _, err := exec.LookPath("podman"); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // its state
		return err
	}
	// Podman would raise limits, which a host without CAP_SYS_RESOURCE refuses.
	config := "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1000:1000\"]\n"
	if err := os.WriteFile(dir+"/containers.conf", []byte(config), 0o600); err != nil {
		return err
	}
	s.env = []string{"CONTAINERS_CONF=" + dir + "/containers.conf"}
	s.engine = []string{
		"podman", "--root", dir + "/root", "--runroot", dir + "/run", "--tmpdir", dir + "/tmp",
		"--network-config-dir", dir + "/networks", "--cgroup-manager", "cgroupfs", "--events-backend", "file",
	}
	s.mount = dir + "/root/overlay"
	socket := dir + "/sock"
	var err error
	s.daemon, err = startDaemon(dir+"/log", func() error { return quiet("docker", "-H", "unix://"+socket, "version") },
		s.with(s.engine, "system", "service", "-t", "0", "unix://"+socket)...)
	return err
}

// with is a command with the tool's environment.
func (s *stacker) with(prefix []string, args ...string) []string {
	return slices.Concat([]string{"env"}, s.env, prefix, args)
}

// command is a command on the project of a file.
func (s *stacker) command(file string, args ...string) []string {
	return s.with(s.argv, append([]string{"-f", file}, args...)...)
}

// stop ends the engine's daemon and lets go of its storage.
func (s *stacker) stop() error {
	var errs []error
	if s.daemon != nil {
		errs = append(errs, s.daemon.stop())
	}
	if s.mount != "" {
		err := syscall.Unmount(s.mount, syscall.MNT_DETACH)
		if err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOENT) { // not mounted
			errs = append(errs, fmt.Errorf("unmount %s: %w", s.mount, err))
		}
	}
	return errors.Join(errs...)
}
