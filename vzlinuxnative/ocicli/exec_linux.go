package ocicli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/opencontainers/runc/libcontainer"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// stringList is a flag that may be given again and again.
type stringList []string

func (l *stringList) String() string     { return fmt.Sprint([]string(*l)) }
func (l *stringList) Set(s string) error { *l = append(*l, s); return nil }

func execCommand(g globals, args []string) (int, error) {
	var env stringList
	flags := newFlags("exec")
	file := flags.String("process", "", "file with the process, as in config.json")
	flags.StringVar(file, "p", "", "short for --process")
	detach := flags.Bool("detach", false, "do not wait for the end")
	flags.BoolVar(detach, "d", false, "short for --detach")
	pidFile := flags.String("pid-file", "", "file for the pid")
	console := flags.String("console-socket", "", "socket that receives the terminal's master")
	cwd := flags.String("cwd", "", "working directory")
	flags.Var(&env, "env", "KEY=value, again and again")
	flags.Var(&env, "e", "short for --env")
	rest, err := parse(flags, args, 1, -1)
	if err != nil {
		return 0, err
	}
	lc, err := g.load(rest[0])
	if err != nil {
		return 0, err
	}
	sp, err := execSpec(lc, *file, rest[1:])
	if err != nil {
		return 0, err
	}
	if *cwd != "" {
		sp.Cwd = *cwd
	}
	sp.Env = append(sp.Env, env...)
	if err := validProcess(sp); err != nil {
		return 0, err
	}
	p, done, err := newProcess(sp, *console)
	if err != nil {
		return 0, err
	}
	err = lc.Start(p)
	done()
	if err != nil {
		return 0, fmt.Errorf("exec in %s: %w", lc.ID(), err)
	}
	if err := writePID(*pidFile, p); err != nil || *detach {
		return 0, err
	}
	return waitFor(p)
}

// execSpec returns the process: the file's, or the container's own with other
// arguments.
func execSpec(lc *libcontainer.Container, file string, args []string) (*specs.Process, error) {
	status, err := lc.Status()
	if err != nil {
		return nil, err
	}
	if status != libcontainer.Running {
		return nil, fmt.Errorf("exec in %s: the container is %s", lc.ID(), status)
	}
	if file != "" {
		if len(args) > 0 {
			return nil, errors.New("exec: give --process or a program, not both")
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		sp := new(specs.Process)
		return sp, json.Unmarshal(b, sp)
	}
	r, err := recordOf(lc)
	if err != nil {
		return nil, err
	}
	spec, err := enterBundle(r.Bundle)
	if err != nil {
		return nil, err
	}
	spec.Process.Args, spec.Process.Terminal = args, false
	return spec.Process, nil
}
