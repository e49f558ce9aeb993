package manual

import (
	"bytes"
	"fmt"
	"strings"

	"vz.internal/vzcli/internal/cli"
	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/command/sandbox"
	"vz.internal/vzcli/internal/command/stack"
	"vz.internal/vzcli/internal/command/vm"
)

// programs are those with commands for people, in the order of the reference.
func programs() []command.Program {
	return []command.Program{cli.Program(), stack.Program(), vm.Program(), sandbox.Program()}
}

// listed returns the commands of p that its help lists.
func listed(p command.Program) []command.Command {
	var list []command.Command
	for _, c := range p.Commands {
		if !c.Hidden {
			list = append(list, c)
		}
	}
	return list
}

// help returns what the program prints for args and --help.
func help(p command.Program, args ...string) (string, error) {
	var out, stderr bytes.Buffer
	streams := command.Streams{In: strings.NewReader(""), Out: &out, Err: &stderr}
	if code := cli.Run(p, append(args, "--help"), streams); code != 0 {
		return "", fmt.Errorf("%s %s --help: exit code %d: %s", p.Name, strings.Join(args, " "), code, stderr.String())
	}
	return out.String(), nil
}
