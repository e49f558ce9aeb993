package vm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/vmm"
	"vz.internal/vzcli/internal/vmrecord"
	"vz.internal/vzcontract"
)

type run struct {
	Name    string `arg:"" help:"Virtual machine."`
	Detach  bool   `short:"d" help:"Return when the guest can be used."`
	Restore string `type:"path" placeholder:"DIR" help:"Start from a saved state."`
}

// Run implements command.Verb.
func (c *run) Run(env *command.Env) error { return start(env, c.Name, c.Restore, false, c.Detach) }

type restore struct {
	Name   string `arg:"" help:"Virtual machine."`
	Input  string `type:"path" placeholder:"DIR" help:"Where it was saved, if not with the machine."`
	Detach bool   `short:"d" help:"Return when the guest can be used."`
	Renew  bool   `help:"Become another machine than the one that was saved: a new machine id and random numbers."`
}

// Run implements command.Verb.
func (c *restore) Run(env *command.Env) error {
	r, err := registry(env)
	if err != nil {
		return err
	}
	dir := c.Input
	if dir == "" {
		dir = r.Saved(c.Name)
	}
	return start(env, c.Name, dir, c.Renew, c.Detach)
}

// start starts the process that runs the machine. In the foreground it stays until
// the machine ends; an interrupt has the guest shut down, a second one ends it.
func start(env *command.Env, name, saved string, renew, detach bool) error {
	r, err := registry(env)
	if err != nil {
		return err
	}
	rec, err := r.Open(name)
	if err != nil {
		return err
	}
	if err := onMac(rec); err != nil {
		return err
	}
	begin := time.Now()
	if err := spawn(env.Ctx, r, name, saved, renew); err != nil {
		return err
	}
	return attend(env, r, name, begin, detach)
}

// attend stays with a machine that has been started, unless that is not wanted.
func attend(env *command.Env, r vmrecord.Registry, name string, begin time.Time, detach bool) error {
	if detach {
		fmt.Fprintln(env.Stdout, name)
		return nil
	}
	switch {
	case env.Globals.Quiet:
	case agentless(r, name):
		fmt.Fprintf(env.Stderr, "%s boots; it was not provisioned, so nothing in it answers and only ctrl-C twice ends it\n", name)
	default:
		fmt.Fprintf(env.Stderr, "%s runs after %.1f s; vz vm exec %s COMMAND uses it, ctrl-C stops it\n", name, time.Since(begin).Seconds(), name)
	}
	return follow(env, r, name)
}

// spawn starts vz-vmm and returns when the guest can be used.
func spawn(ctx context.Context, r vmrecord.Registry, name, saved string, renew bool) error {
	err := spawned(ctx, r, name, saved, renew)
	if err != nil {
		return &vzcontract.Error{Op: "start", Kind: "virtual machine", Name: name, Class: vzcontract.ErrUnavailable, Err: err}
	}
	return nil
}

func spawned(ctx context.Context, r vmrecord.Registry, name, saved string, renew bool) error {
	program, err := companion("vz-vmm")
	if err != nil {
		return err
	}
	args := []string{"-home", r.Home, "-run", r.Run}
	if saved != "" {
		args = append(args, "-restore", saved)
	}
	if renew {
		args = append(args, "-renew")
	}
	ready, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	cmd := osexec.Command(program, append(args, name)...)
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	log, err := os.OpenFile(filepath.Join(r.Dir(name), "vmm.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return errors.Join(err, theirs.Close())
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	err = cmd.Start()
	if err = errors.Join(err, theirs.Close()); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer stop()
	line, err := bufio.NewReader(ready).ReadString('\n')
	switch {
	case line == "ok\n":
		return nil
	case err == nil:
		return errors.New(strings.TrimSpace(line))
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("vz-vmm has ended; see %s", log.Name())
}

// companion finds a program beside this one.
func companion(name string) (string, error) {
	var dirs []string
	if d := os.Getenv("VZ_LIBEXEC"); d != "" {
		dirs = append(dirs, d)
	}
	if self, err := os.Executable(); err == nil {
		dirs = append(dirs, filepath.Dir(self))
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", vzcontract.Errorf(vzcontract.ErrUnavailable, "%s is not beside vz-vm or in $VZ_LIBEXEC; build it with `make build`", name)
}

// follow waits for the end of the machine.
func follow(env *command.Env, r vmrecord.Registry, name string) error {
	ctx := context.WithoutCancel(env.Ctx)
	client, err := vmm.Dial(ctx, r.Control(name))
	if err != nil {
		return err
	}
	defer client.Close()
	select {
	case <-client.Done():
	case <-env.Ctx.Done():
		again := make(chan os.Signal, 1)
		notify(again)
		stopped := make(chan error, 1)
		go func() { stopped <- client.Stop(ctx, false) }()
		select {
		case <-again:
			_ = client.Stop(ctx, true)
		case err := <-stopped:
			if errors.Is(err, vzcontract.ErrUnsupported) {
				fmt.Fprintf(env.Stderr, "vz: %v; ctrl-C again does that\n", err)
				select {
				case <-again:
					_ = client.Stop(ctx, true)
				case <-client.Done():
				}
			}
		}
		<-client.Done()
	}
	if err := r.Await(ctx, name); err != nil {
		return err
	}
	return outcome(r, name)
}

// outcome says why the machine ended, if it broke.
func outcome(r vmrecord.Registry, name string) error {
	s, err := r.Status(name)
	if err != nil {
		return err
	}
	if s.Reason != "" {
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "the virtual machine %s broke: %s", name, s.Reason)
	}
	return nil
}
