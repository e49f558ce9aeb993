package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"

	"vz.internal/vzcli/internal/command"
)

// printHelp describes one command: its usage and arguments as docker writes
// them, its flags as kong does.
func printHelp(env *command.Env, parser *kong.Kong, cmd command.Command) error {
	if err := printUsage(env.Stdout, parser.Model); err != nil {
		return err
	}
	parser.Model.Help, parser.Model.Positional = "", nil // they are printed
	parser.Stdout = env.Stdout
	ctx, err := kong.Trace(parser, nil)
	if err != nil {
		return err
	}
	if err := ctx.PrintUsage(false); err != nil {
		return err
	}
	if len(cmd.Aliases) > 0 {
		fmt.Fprintf(env.Stdout, "\nAliases: %s %s\n", env.Program.Name, strings.Join(cmd.Aliases, ", "+env.Program.Name+" "))
	}
	return nil
}

// printUsage prints how the command is called, what it does, and what its
// arguments are.
func printUsage(w io.Writer, app *kong.Application) error {
	t := tabwriter.NewWriter(w, 0, 4, 4, ' ', 0)
	fmt.Fprintf(t, "Usage: %s [flags]", app.Name)
	for _, arg := range app.Positional {
		fmt.Fprint(t, " "+argument(arg))
	}
	fmt.Fprintf(t, "\n\n%s\n", app.Help)
	if len(app.Positional) > 0 {
		fmt.Fprint(t, "\nArguments:\n")
	}
	for _, arg := range app.Positional {
		fmt.Fprintf(t, "  %s\t%s\n", argument(arg), arg.Help)
	}
	return t.Flush()
}

// argument is how the usage writes a positional: CONTAINER, [IMAGE...], or what
// the grammar says of one that takes the rest of the line.
func argument(arg *kong.Positional) string {
	if arg.Tag.PlaceHolder != "" {
		return arg.Tag.PlaceHolder
	}
	s := strings.ToUpper(arg.Name)
	if arg.IsCumulative() {
		s += "..."
	}
	if !arg.Required {
		s = "[" + s + "]"
	}
	return s
}
