package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"vz.internal/vzcli/internal/command"
)

// dispatch finds the verb in args, parses the rest and runs it.
func dispatch(env *command.Env, args []string) (command.Command, error) {
	args, err := parseGlobals(env, args)
	if err != nil || args == nil {
		return command.Command{}, err
	}
	if len(args) == 0 {
		return command.Command{}, errors.Join(printOverview(env), command.Exit(command.CodeUsage))
	}
	if args[0] == "help" {
		if len(args) == 1 {
			return command.Command{}, printOverview(env)
		}
		args = append(args[1:], "--help")
	}
	if env.Program.Name == "vz" && command.Companions[args[0]] != "" {
		return command.Command{}, companion(env.Globals, args[0], args[1:])
	}
	cmd, rest, err := find(env, args)
	if err != nil || cmd.New == nil {
		return cmd, err
	}
	return cmd, runCommand(env, cmd, rest)
}

// find returns the command that the first one or two words of args name.
func find(env *command.Env, args []string) (command.Command, []string, error) {
	for n := min(2, len(args)); n > 0; n-- {
		name := strings.Join(args[:n], " ")
		for _, c := range env.Commands {
			if c.Name == name || slices.Contains(c.Aliases, name) {
				return c, args[n:], nil
			}
		}
	}
	if inGroup(env, args[0]) {
		if len(args) == 1 || args[1] == "--help" || args[1] == "-h" {
			return command.Command{}, nil, printGroup(env, args[0])
		}
		return command.Command{}, nil, command.Usagef("%s %s: unknown command%s; see %s %s --help",
			args[0], args[1], didYouMean(env, strings.Join(args[:2], " ")), env.Program.Name, args[0])
	}
	return command.Command{}, nil, command.Usagef("%s: unknown command%s; see %s --help", args[0], didYouMean(env, args[0]), env.Program.Name)
}

// late are the flags that every verb takes besides its own.
type late struct {
	Help     bool   `help:"Show this help."`
	JSON     bool   `name:"json" hidden:"" help:"Errors and listings as JSON."`
	Backend  string `hidden:"" help:"Backend to use."`
	Progress string `hidden:"" help:"How to show progress: auto, plain or quiet."`
}

func runCommand(env *command.Env, cmd command.Command, args []string) error {
	verb, common := cmd.New(), new(late)
	if !quick(verb, common, args) {
		verb, common = cmd.New(), new(late)
		if done, err := parse(env, cmd, verb, common, args); done || err != nil {
			return err
		}
	}
	if common.JSON {
		env.Globals.JSON = true
	}
	if common.Backend != "" {
		env.Globals.Backend = common.Backend
	}
	if common.Progress != "" {
		env.Globals.Progress = common.Progress
	}
	if err := checkGlobals(&env.Globals); err != nil {
		return err
	}
	return verb.Run(env)
}

// parse fills verb and common from args, or does what else they ask for.
func parse(env *command.Env, cmd command.Command, verb command.Verb, common *late, args []string) (done bool, err error) {
	parser, err := newParser(env, cmd, verb, common)
	if err != nil {
		return false, fmt.Errorf("grammar of %s: %w", cmd.Name, err)
	}
	if helpWanted(parser.Model, args) {
		return true, printHelp(env, parser, cmd)
	}
	if _, err := parser.Parse(normalize(parser.Model, args)); err != nil {
		var usage *command.UsageError
		if errors.As(err, &usage) {
			return false, err
		}
		return false, command.Usagef("%s: %s; see %s %s --help", cmd.Name, plainParseError(parser.Model, err), env.Program.Name, cmd.Name)
	}
	return false, nil
}

func newParser(env *command.Env, cmd command.Command, verb command.Verb, common *late) (*kong.Kong, error) {
	grammar := struct {
		kong.Plugins
		*late
	}{Plugins: kong.Plugins{verb}, late: common}
	return kong.New(&grammar, kong.Name(env.Program.Name+" "+cmd.Name), kong.Description(cmd.Help), kong.NoDefaultHelp(),
		kong.Exit(func(int) {}), kong.Writers(env.Stdout, env.Stderr), kong.WithHyphenPrefixedParameters(true),
		kong.ConfigureHelp(kong.HelpOptions{NoAppSummary: true, Compact: true, WrapUpperBound: 100}))
}

// plainParseError words kong's complaints as vz does.
func plainParseError(app *kong.Application, err error) string {
	s := command.OneLine(err.Error())
	s = strings.Replace(s, "expected \"<", "missing argument \"<", 1)
	for _, arg := range app.Positional {
		s = strings.ReplaceAll(s, arg.Summary(), argument(arg))
	}
	return strings.Replace(s, "unexpected argument", "too many arguments: unexpected", 1)
}
