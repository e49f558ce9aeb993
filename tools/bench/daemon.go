package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// A daemon is a program of a peer that the bench starts for itself.
type daemon struct {
	cmd *exec.Cmd
	log string
}

// startDaemon runs argv until stop and returns when ready succeeds.
func startDaemon(log string, ready func() error, argv ...string) (*daemon, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	// In a session of its own, as under a service manager: the scheduler counts
	// sessions, and one shared with the bench would answer it sooner.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	d := &daemon{cmd: cmd, log: log}
	for deadline := time.Now().Add(60 * time.Second); ; {
		err := ready()
		if err == nil {
			return d, nil
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("%s does not answer, see %s: %w", argv[0], log, err), d.stop())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// stop ends the daemon and waits for it.
func (d *daemon) stop() error {
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop %s: %w", d.cmd.Path, err)
	}
	_ = d.cmd.Wait() // ended by a signal, as it should be
	return nil
}

// dockerd starts docker's daemon with its images under dir; ask is the prefix
// of docker commands that talk to it. Its sockets are in the bench's directory,
// each one's in its own: two may run at once.
func (b *bench) dockerd(dir string) (d *daemon, ask []string, err error) {
	for _, program := range []string{"dockerd", "docker"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, nil, err
		}
	}
	at, err := os.MkdirTemp(b.dir, "dockerd-")
	if err != nil {
		return nil, nil, err
	}
	host := "unix://" + at + "/sock"
	ask = []string{"docker", "-H", host}
	d, err = startDaemon(at+"/log", func() error { return quiet("docker", "-H", host, "version") },
		"dockerd", "--data-root", dir, "--exec-root", at+"/exec", "--pidfile", at+"/pid", "-H", host)
	return d, ask, err
}
