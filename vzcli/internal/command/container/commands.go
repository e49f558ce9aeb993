package container

import "vz.internal/vzcli/internal/command"

// Commands returns the verbs, each also as `vz container VERB`.
func Commands() []command.Command {
	all := []command.Command{
		{Name: "run", Help: "Create a container and run it", Workload: true, Complete: command.Images, New: func() command.Verb { return new(run) }},
		{Name: "create", Help: "Create a container without running it", Complete: command.Images, New: func() command.Verb { return new(createCmd) }},
		{Name: "exec", Help: "Run a program in a running container", Workload: true, New: func() command.Verb { return new(exec) }},
		{Name: "ps", Aliases: []string{"container ls", "container list", "container ps"}, Help: "List containers", Complete: command.Nothing, New: func() command.Verb { return new(ps) }},
		{Name: "logs", Help: "Show what containers wrote", Workload: true, New: func() command.Verb { return new(logs) }},
		{Name: "rm", Aliases: []string{"container remove"}, Help: "Remove containers", New: func() command.Verb { return new(rm) }},
	}
	for i := range all {
		c := &all[i]
		c.Group = command.GroupContainers
		if c.Complete == command.Nothing && c.Name != "ps" {
			c.Complete = command.Containers
		}
		if c.Name != "ps" {
			c.Aliases = append(c.Aliases, "container "+c.Name)
		}
	}
	return all
}
