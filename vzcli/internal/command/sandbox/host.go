package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcli/internal/poolsocket"
	"vz.internal/vzcli/internal/progress"
	"vz.internal/vzcontract"
	"vz.internal/vzsandbox"
	"vz.internal/vzsandbox/setup"
)

// open returns the host of sandboxes. Projects must lie below root; empty refuses them.
func open(env *command.Env, root string) (*vzsandbox.Host, *command.Services, error) {
	s, err := env.Services()
	if err != nil {
		return nil, nil, err
	}
	h, err := vzsandbox.New(s.Backend, vzsandbox.Options{
		Dir: filepath.Join(s.Home, "sandboxes"), Root: root, Log: slog.Default(),
		Setup: func(ctx context.Context, r vzsandbox.SetupRequest) (string, error) { return runSetup(ctx, env, s, r) },
	})
	return h, s, err
}

// find returns a sandbox that exists.
func find(env *command.Env, name string) (*vzsandbox.Sandbox, error) {
	h, _, err := open(env, "")
	if err != nil {
		return nil, err
	}
	return lookUp(env, h, name)
}

func lookUp(env *command.Env, h *vzsandbox.Host, name string) (*vzsandbox.Sandbox, error) {
	box, err := h.Open(env.Ctx, name)
	if typed := new(vzcontract.Error); errors.As(err, &typed) && typed.Kind == "container" && errors.Is(err, vzcontract.ErrNotFound) {
		return nil, &vzcontract.Error{
			Op: "find", Kind: "sandbox", Name: name, Class: vzcontract.ErrNotFound, Err: errors.New("there is none; vz sandbox ls lists them"),
		}
	}
	return box, err
}

// of makes an error of the backend, which knows a container by its id, call it a sandbox
// of its name.
func of(box *vzsandbox.Sandbox, err error) error {
	typed := new(vzcontract.Error)
	if !errors.As(err, &typed) || typed.Kind != "container" || typed.Name != box.ID() && typed.Name != box.Name() {
		return err
	}
	called := *typed
	called.Kind, called.Name = "sandbox", box.Name()
	return &called
}

// with does something with a sandbox.
func with(env *command.Env, name string, do func(*vzsandbox.Sandbox) error) error {
	box, err := find(env, name)
	if err != nil {
		return err
	}
	return of(box, do(box))
}

// each does something with all sandboxes named and prints their names.
func each(env *command.Env, names []string, ignore error, do func(*vzsandbox.Sandbox) error) error {
	h, _, err := open(env, "")
	if err != nil {
		return err
	}
	return named(env, names, ignore, func(name string) error {
		s, err := lookUp(env, h, name)
		if err != nil {
			return err
		}
		return of(s, do(s))
	})
}

// named does something with all that is named, and prints the names where that went
// well: with --json in one document, unless there is an error to print. Errors of the
// class ignore are none; nil is no class.
func named(env *command.Env, names []string, ignore error, do func(name string) error) error {
	out := env.Stdout
	if env.Globals.JSON {
		out = io.Discard
	}
	done := []string{}
	err := without(command.Each(out, names, func(name string) error {
		err := do(name)
		if err == nil {
			done = append(done, name)
		}
		return err
	}), ignore)
	if err != nil || !env.Globals.JSON {
		return err
	}
	return printJSON(env, map[string][]string{"names": done})
}

// setupLocks is the directory of locks that all setups share, also those of vz dev.
func setupLocks(s *command.Services) string { return filepath.Join(s.Run, "setup") }

// runSetup makes the image of setup commands, or finds it. What they write goes to stderr.
func runSetup(ctx context.Context, env *command.Env, s *command.Services, r vzsandbox.SetupRequest) (string, error) {
	req := setup.Request{
		Image: r.Image, Platform: r.Platform, Commands: r.Commands, Env: r.Env, User: r.User, Locks: setupLocks(s),
	}
	if !env.Globals.Quiet {
		req.Output = env.Stderr
		req.Step = func(n int, line string) {
			if n == 0 {
				fmt.Fprintln(env.Stderr, "vz: waiting for another process that runs the same setup")
				return
			}
			fmt.Fprintf(env.Stderr, "vz: setup %d/%d: %s\n", n, len(r.Commands), command.OneLine(line))
		}
	}
	return setup.Image(ctx, s.Backend, req)
}

// fetch pulls an image that is missing, and shows that.
func fetch(env *command.Env, s *command.Services, image, platform string) error {
	if s.Images == nil {
		return nil // the backend says so
	}
	if platform == "" {
		if _, err := s.Images.InspectImage(env.Ctx, image); err == nil {
			return nil
		} else if !errors.Is(err, vzcontract.ErrNotFound) {
			return err
		}
	}
	display := progress.New(env, false)
	defer display.Close()
	_, err := s.Images.PullImage(env.Ctx, image, vzcontract.PullOptions{Policy: vzcontract.PullMissing, Platform: platform, Progress: display.Update})
	return err
}

// pools is where the sockets of pools are.
func pools(s *command.Services) poolsocket.Directory {
	return poolsocket.Directory(filepath.Join(s.Run, "sandboxes"))
}

// printed prints a name, or with --json the document of what it names.
func printed(env *command.Env, name string, document any) error {
	if !env.Globals.JSON {
		return command.PrintLine(env, name)
	}
	return printJSON(env, document)
}

func printJSON(env *command.Env, document any) error {
	e := json.NewEncoder(env.Stdout)
	e.SetEscapeHTML(false)
	return e.Encode(document)
}

// printAll prints a listing, or where that is asked for each of all as one document.
func printAll[T any](env *command.Env, l output.Listing, opts output.Options, all []T, row func(T) output.Row) error {
	if opts.Format == "json" {
		for _, one := range all {
			if err := printJSON(env, one); err != nil {
				return err
			}
		}
		return nil
	}
	rows := make([]output.Row, len(all))
	for i, one := range all {
		rows[i] = row(one)
	}
	return l.Print(env.Stdout, opts, rows)
}

// printInfo prints a sandbox's name, or with --json all about it.
func printInfo(env *command.Env, s *vzsandbox.Sandbox) error {
	info, err := s.Info(env.Ctx)
	if env.Globals.JSON {
		return errors.Join(err, printJSON(env, info))
	}
	if err == nil && info.Unlimited != "" {
		fmt.Fprintln(env.Stderr, "vz: there is no limit of processes: "+command.OneLine(info.Unlimited))
	}
	return command.PrintLine(env, s.Name())
}

// projectRoot is the directory below which projects must lie.
func projectRoot(flag string) (string, error) {
	if flag == "" {
		flag = os.Getenv("VZ_SANDBOX_ROOT")
	}
	return filepath.Abs(flag) // of nothing it is the current directory
}

type capabilities struct{}

var abilities = []vzsandbox.Ability{
	vzsandbox.AbilitySnapshots, vzsandbox.AbilityCopy, vzsandbox.AbilityFiles, vzsandbox.AbilityWatch, vzsandbox.AbilityDial, vzsandbox.AbilityPause, vzsandbox.AbilityLiveMounts,
	vzsandbox.AbilityRename, vzsandbox.AbilityCommit, vzsandbox.AbilitySetup, vzsandbox.AbilityAllowLists, vzsandbox.AbilityDisk,
}

// Run implements command.Verb.
func (c *capabilities) Run(env *command.Env) error {
	h, _, err := open(env, "")
	if err != nil {
		return err
	}
	has := h.Capabilities()
	if env.Globals.JSON {
		return printJSON(env, has)
	}
	for _, a := range abilities {
		line := fmt.Sprintf("%-12s yes", a)
		if why := has.Missing[a]; why != "" {
			line = fmt.Sprintf("%-12s no: %s", a, command.OneLine(why))
		}
		if err := command.PrintLine(env, line); err != nil {
			return err
		}
	}
	return nil
}
