package ocicli

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

// defaultRoot is where containers are recorded without --root.
const defaultRoot = "/run/vz/oci"

// globals are the flags before the command.
type globals struct {
	root, log, logFormat string
}

// A command parses its flags and does its work. It returns the exit code of
// the workload, or 0.
type command func(g globals, args []string) (int, error)

var commands = map[string]command{
	"create": create, "start": start, "state": state, "kill": kill,
	"delete": remove, "run": runCommand, "exec": execCommand, "list": list,
}

func run(args []string) int {
	var g globals
	flags := newFlags("vz oci")
	flags.StringVar(&g.root, "root", defaultRoot, "directory for the state of containers")
	flags.StringVar(&g.log, "log", "", "file for errors, besides stderr")
	flags.StringVar(&g.logFormat, "log-format", "text", "text or json")
	code, err := dispatch(flags, &g, args)
	if err == nil {
		return code
	}
	if errors.Is(err, flag.ErrHelp) {
		usage(os.Stdout)
		return 0
	}
	fmt.Fprintln(os.Stderr, "vz oci:", err)
	if lerr := g.report(err); lerr != nil {
		fmt.Fprintln(os.Stderr, "vz oci: write log:", lerr)
	}
	return 1
}

func dispatch(flags *flag.FlagSet, g *globals, args []string) (int, error) {
	if err := flags.Parse(args); err != nil {
		return 0, err
	}
	if flags.NArg() == 0 {
		return 0, errors.New("no command: give create, start, state, kill, delete, run, exec or list")
	}
	run, ok := commands[flags.Arg(0)]
	if !ok {
		return 0, fmt.Errorf("unknown command %q: give create, start, state, kill, delete, run, exec or list", flags.Arg(0))
	}
	return run(*g, flags.Args()[1:])
}

func newFlags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error is printed once, by run
	return flags
}

func usage(w io.Writer) {
	fmt.Fprint(w, `usage: vz oci [--root DIR] [--log FILE] [--log-format text|json] COMMAND
  create [--bundle DIR] [--pid-file FILE] [--console-socket PATH] ID
  start ID
  state ID
  kill ID [SIGNAL]
  delete [--force] ID
  run [--bundle DIR] [--detach] [--pid-file FILE] [--console-socket PATH] ID
  exec [--process FILE] [--detach] [--pid-file FILE] [--cwd DIR] [--env K=V] ID [ARG...]
  list [--format table|json]
`)
}

// report appends the error to the log that a caller such as containerd reads.
func (g globals) report(cause error) error {
	if g.log == "" {
		return nil
	}
	f, err := os.OpenFile(g.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	now := time.Now().Format(time.RFC3339)
	if g.logFormat == "json" {
		err = json.NewEncoder(f).Encode(map[string]string{"level": "error", "msg": cause.Error(), "time": now})
	} else {
		_, err = fmt.Fprintf(f, "time=%q level=error msg=%q\n", now, cause)
	}
	return errors.Join(err, f.Close())
}

// parse parses a command's flags and returns
// the arguments.
func parse(flags *flag.FlagSet, args []string, least, most int) ([]string, error) {
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	n := flags.NArg()
	if n < least || most >= 0 && n > most {
		return nil, fmt.Errorf("%s: %d arguments given: see vz oci --help", flags.Name(), n)
	}
	return flags.Args(), nil
}
