package ocicli

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/engine/libct"
)

// createFlags are those of create and run.
type createFlags struct {
	bundle, pidFile, console string
	detach                   bool
}

func (c *createFlags) register(flags *flag.FlagSet) {
	flags.StringVar(&c.bundle, "bundle", "", "the bundle's directory; the default is this one")
	flags.StringVar(&c.bundle, "b", "", "short for --bundle")
	flags.StringVar(&c.pidFile, "pid-file", "", "file for the init's pid")
	flags.StringVar(&c.console, "console-socket", "", "socket that receives the terminal's master")
}

func create(g globals, args []string) (int, error) {
	c := createFlags{detach: true}
	flags := newFlags("create")
	c.register(flags)
	rest, err := parse(flags, args, 1, 1)
	if err != nil {
		return 0, err
	}
	_, _, err = g.create(rest[0], c)
	return 0, err
}

func runCommand(g globals, args []string) (int, error) {
	var c createFlags
	flags := newFlags("run")
	c.register(flags)
	flags.BoolVar(&c.detach, "detach", false, "do not wait for the end")
	flags.BoolVar(&c.detach, "d", false, "short for --detach")
	rest, err := parse(flags, args, 1, 1)
	if err != nil {
		return 0, err
	}
	lc, p, err := g.create(rest[0], c)
	if err != nil {
		return 0, err
	}
	if err := g.begin(lc); err != nil {
		return 0, errors.Join(err, destroy(lc))
	}
	if c.detach {
		return 0, nil
	}
	code, err := waitFor(p)
	return code, errors.Join(err, destroy(lc))
}

// create makes the container up to its wait for start. After an error nothing
// is left of it.
func (g globals) create(id string, c createFlags) (*libcontainer.Container, *libcontainer.Process, error) {
	// The paths are the caller's, not relative to the bundle.
	for _, path := range []*string{&c.pidFile, &c.console, &g.root} {
		if *path == "" {
			continue
		}
		abs, err := filepath.Abs(*path)
		if err != nil {
			return nil, nil, err
		}
		*path = abs
	}
	spec, err := enterBundle(c.bundle)
	if err != nil {
		return nil, nil, err
	}
	cfg, poststart, err := configOf(id, spec)
	if err != nil {
		return nil, nil, err
	}
	lc, err := libcontainer.Create(g.root, id, cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("create %s: %w", id, err)
	}
	p, err := g.startInit(lc, spec, poststart, c)
	if err != nil {
		return nil, nil, errors.Join(err, destroy(lc))
	}
	return lc, p, nil
}

func (g globals) startInit(lc *libcontainer.Container, spec *specs.Spec, poststart configs.HookList, c createFlags) (*libcontainer.Process, error) {
	if err := saveHooks(filepath.Join(g.root, lc.ID()), poststart); err != nil {
		return nil, err
	}
	p, done, err := newProcess(spec.Process, c.console)
	if err != nil {
		return nil, err
	}
	defer done()
	p.Init = true
	late := libct.TakeLimits(p)
	if err := lc.Start(p); err != nil {
		return nil, err
	}
	pid, err := p.Pid()
	if err != nil {
		return nil, err
	}
	if err := late.Set(pid); err != nil {
		return nil, err
	}
	return p, writePID(c.pidFile, p)
}

// newProcess connects the process to our own streams or, for a terminal, to
// the socket that receives its master.
func newProcess(sp *specs.Process, console string) (*libcontainer.Process, func(), error) {
	p, err := libct.NewProcess(sp, engine.Stdio{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
	if err != nil {
		return nil, nil, err
	}
	switch {
	case sp.Terminal && console == "":
		return nil, nil, errors.New("process.terminal needs --console-socket")
	case !sp.Terminal && console != "":
		return nil, nil, errors.New("--console-socket needs process.terminal")
	case !sp.Terminal:
		return p, func() {}, nil
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: console, Net: "unix"})
	if err != nil {
		return nil, nil, fmt.Errorf("console socket: %w", err)
	}
	defer conn.Close()
	if p.ConsoleSocket, err = conn.File(); err != nil {
		return nil, nil, fmt.Errorf("console socket: %w", err)
	}
	return p, func() { p.ConsoleSocket.Close() }, nil
}

// writePID writes the pid so that a reader sees all of it or nothing.
func writePID(file string, p *libcontainer.Process) error {
	if file == "" {
		return nil
	}
	pid, err := p.Pid()
	if err != nil {
		return err
	}
	tmp := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".tmp")
	if err := os.WriteFile(tmp, []byte(strconv.Itoa(pid)), 0o644); err != nil {
		return fmt.Errorf("pid file: %w", err)
	}
	return os.Rename(tmp, file)
}
