package container

import (
	"strings"

	"vz.internal/vzcli/internal/command"
)

// Commands returns the verbs, each also as `vz container VERB`.
func Commands() []command.Command {
	all := []command.Command{
		{Name: "run", Help: "Create a container and run it", Workload: true, Failures: command.FailRun, Complete: command.Images, New: func() command.Verb { return new(run) }},
		{Name: "create", Help: "Create a container without running it", Complete: command.Images, New: func() command.Verb { return new(createCmd) }},
		{Name: "start", Help: "Start containers", Workload: true, Failures: command.FailPlain, New: func() command.Verb { return new(start) }},
		{Name: "stop", Help: "Stop containers", New: func() command.Verb { return new(stop) }},
		{Name: "restart", Help: "Stop containers and start them again", New: func() command.Verb { return new(restart) }},
		{Name: "kill", Help: "Send a signal to containers", New: func() command.Verb { return new(kill) }},
		{Name: "rm", Aliases: []string{"container remove"}, Help: "Remove containers", New: func() command.Verb { return new(rm) }},
		{Name: "ps", Aliases: []string{"container ls", "container list", "container ps"}, Help: "List containers", New: func() command.Verb { return new(ps) }},
		{Name: "logs", Help: "Show what a container wrote", Workload: true, New: func() command.Verb { return new(logs) }},
		{Name: "exec", Help: "Run a program in a running container", Workload: true, Failures: command.FailExec, New: func() command.Verb { return new(exec) }},
		{Name: "attach", Help: "Connect to a running container", Workload: true, New: func() command.Verb { return new(attach) }},
		{Name: "cp", Help: "Copy files between a container and the host", New: func() command.Verb { return new(cp) }},
		{Name: "inspect", Help: "Show all about containers, images, volumes and networks", Complete: command.Any, New: func() command.Verb { return new(inspectCmd) }},
		{Name: "stats", Help: "Show what containers use", New: func() command.Verb { return new(stats) }},
		{Name: "top", Help: "List a container's processes", New: func() command.Verb { return new(top) }},
		{Name: "port", Help: "Show a container's published ports", New: func() command.Verb { return new(port) }},
		{Name: "wait", Help: "Wait until containers end and print their exit codes", New: func() command.Verb { return new(wait) }},
		{Name: "pause", Help: "Freeze containers", New: func() command.Verb { return new(pause) }},
		{Name: "unpause", Help: "Let frozen containers go on", New: func() command.Verb { return new(unpause) }},
		{Name: "rename", Help: "Give a container another name", New: func() command.Verb { return new(rename) }},
		{Name: "update", Help: "Change limits and restart policy", New: func() command.Verb { return new(update) }},
		{Name: "diff", Help: "List what a container changed in its files", New: func() command.Verb { return new(diff) }},
		{Name: "commit", Help: "Make an image of a container", New: func() command.Verb { return new(commit) }},
		{Name: "export", Help: "Write a container's files as a tar archive", New: func() command.Verb { return new(export) }},
		{Name: "container inspect", Help: "Show all about containers", Hidden: true, New: func() command.Verb { return new(inspectContainers) }},
		{Name: "container prune", Help: "Remove all stopped containers", Hidden: true, New: func() command.Verb { return new(prune) }},
	}
	for i := range all {
		c := &all[i]
		c.Group = command.GroupContainers
		if c.Complete == command.Nothing && c.Name != "ps" {
			c.Complete = command.Containers
		}
		if c.Name != "ps" && c.Name != "inspect" && !strings.Contains(c.Name, " ") {
			c.Aliases = append(c.Aliases, "container "+c.Name)
		}
	}
	return all
}
