package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"vz.internal/vzcli/internal/command"
)

// GlobalHelp describes the flags that stand before the command.
const GlobalHelp = `
Global flags, before the command:
  --backend auto|native|vm   where containers run ($VZ_BACKEND)
  --home DIR, --run DIR      state and runtime directories ($VZ_HOME, $VZ_RUN)
  --json                     errors and listings as JSON
  --progress auto|plain|quiet
  --log-format text|json     of diagnostics
  -v, -vv, -q                more or fewer diagnostics
  --version, --help

vz COMMAND --help describes a command.
`

// printOverview lists all commands.
func printOverview(env *command.Env) error {
	if env.Program.Overview != "" {
		return printProgram(env)
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "Usage: vz [flags] COMMAND\n\nRun containers from OCI images.")
	for _, group := range []string{command.GroupContainers, command.GroupImages, command.GroupStorage, command.GroupDev, command.GroupSystem} {
		fmt.Fprintf(w, "\n%s:\n", group)
		for _, c := range env.Commands {
			if c.Group == group && !c.Hidden {
				fmt.Fprintf(w, "  %s\t%s\n", c.Name, c.Help)
			}
		}
	}
	fmt.Fprintln(w, "\nCompanions (programs beside vz):")
	for _, name := range []string{"stack", "vm", "sandbox"} {
		fmt.Fprintf(w, "  %s\t%s\n", name, companionHelp[name])
	}
	fmt.Fprint(w, GlobalHelp)
	return w.Flush()
}

// printProgram lists the commands of a companion.
func printProgram(env *command.Env) error {
	w := tabwriter.NewWriter(env.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "Usage: %s [flags] COMMAND\n\n%s\n\nCommands:\n", env.Program.Name, env.Program.Overview)
	for _, c := range env.Commands {
		if !c.Hidden {
			fmt.Fprintf(w, "  %s\t%s\n", c.Name, c.Help)
		}
	}
	fmt.Fprintf(w, "\n%s\n%s COMMAND --help describes a command.\n", env.Program.FlagHelp, env.Program.Name)
	return w.Flush()
}

func inGroup(env *command.Env, group string) bool {
	for _, c := range env.Commands {
		for _, name := range append([]string{c.Name}, c.Aliases...) {
			if strings.HasPrefix(name, group+" ") {
				return true
			}
		}
	}
	return false
}

// printGroup lists the commands of one group, such as volume.
func printGroup(env *command.Env, group string) error {
	w := tabwriter.NewWriter(env.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "Usage: %s %s COMMAND\n\nCommands:\n", env.Program.Name, group)
	for _, c := range env.Commands {
		for _, name := range append([]string{c.Name}, c.Aliases...) {
			if verb, ok := strings.CutPrefix(name, group+" "); ok && !c.Hidden {
				fmt.Fprintf(w, "  %s\t%s\n", verb, c.Help)
				break
			}
		}
	}
	return w.Flush()
}

// didYouMean suggests a command that is nearly spelled as name.
func didYouMean(env *command.Env, name string) string {
	best, distance := "", 3
	for _, c := range env.Commands {
		if d := editDistance(name, c.Name); d < distance && !c.Hidden {
			best, distance = c.Name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
