package stack

import (
	"vz.internal/vzcli/internal/command"
)

const flagHelp = `Global flags, before the command:
  -f, --file FILE            a Compose file; may be given again
  -p, --project-name NAME    name of the project
  --profile NAME             enable a profile; may be given again
  --env-file FILE            instead of .env; may be given again
  --project-directory DIR    where relative paths start
  --parallel N               bound on what is done at once
  --ansi never|always|auto   colours
  --compatibility            name containers project_service_1
  --all-resources            make networks and volumes that no service uses too
  and those of vz: --backend, --home, --run, --json, --progress, -v, -q
`

// Program returns vz stack.
func Program() command.Program {
	p := &project{}
	return command.Program{
		Name: "vz stack", Commands: commands(p), Flag: p.flag, FlagHelp: flagHelp,
		Overview: "Run Compose projects. Every key of a file is honoured, or refused with the reason.",
	}
}

func commands(p *project) []command.Command {
	verb := func(name, help string, f func() command.Verb, aliases ...string) command.Command {
		return command.Command{Name: name, Help: help, New: f, Aliases: aliases, Group: command.GroupContainers}
	}
	workload := func(c command.Command) command.Command {
		c.Workload = true
		return c
	}
	return []command.Command{
		verb("up", "Make and start what the files say", func() command.Verb { return &up{project: p} }),
		verb("down", "Stop and remove containers and networks", func() command.Verb { return &down{project: p} }),
		verb("create", "Make containers without starting them", func() command.Verb { return &create{project: p} }),
		verb("ps", "List the project's containers", func() command.Verb { return &ps{project: p} }),
		verb("ls", "List projects", func() command.Verb { return &ls{project: p} }),
		verb("logs", "Show output of services", func() command.Verb { return &logs{project: p} }),
		workload(verb("exec", "Run a program in a service's container", func() command.Verb { return &exec{project: p} })),
		workload(verb("run", "Run one command in a container of its own", func() command.Verb { return &run{project: p} })),
		verb("config", "Show the files as they are understood", func() command.Verb { return &config{project: p} }, "convert"),
		verb("events", "Show what happens", func() command.Verb { return &events{project: p} }),
		verb("start", "Start containers that exist", func() command.Verb { return &start{project: p} }),
		verb("stop", "Stop containers", func() command.Verb { return &stop{project: p} }),
		verb("restart", "Stop and start containers", func() command.Verb { return &restart{project: p} }),
		verb("kill", "Send a signal to containers", func() command.Verb { return &kill{project: p} }),
		verb("rm", "Remove stopped containers", func() command.Verb { return &rm{project: p} }),
		verb("pause", "Freeze containers", func() command.Verb { return &pause{project: p} }),
		verb("unpause", "Let frozen containers go on", func() command.Verb { return &unpause{project: p} }),
		verb("scale", "Set the number of containers of services", func() command.Verb { return &scale{project: p} }),
		verb("wait", "Wait until a service's container ends", func() command.Verb { return &wait{project: p} }),
		verb("pull", "Fetch the images of services", func() command.Verb { return &pull{project: p} }),
		verb("images", "List the images of the containers", func() command.Verb { return &images{project: p} }),
		verb("top", "Show processes", func() command.Verb { return &top{project: p} }),
		verb("port", "Show where a port is published", func() command.Verb { return &port{project: p} }),
		verb("cp", "Copy files between a service and the host", func() command.Verb { return &cp{project: p} }),
		verb("attach", "Connect to a service's container", func() command.Verb { return &attach{project: p} }),
		verb("commit", "Make an image of a service's container", func() command.Verb { return &commit{project: p} }),
		verb("export", "Write the files of a service's container as a tar archive", func() command.Verb { return &export{project: p} }),
		verb("stats", "Show what the containers use", func() command.Verb { return &stats{project: p} }),
		verb("volumes", "List the project's volumes", func() command.Verb { return &volumes{project: p} }),
		verb("resume", "Start again what should run, in all projects, after a reboot", func() command.Verb { return &resume{project: p} }),
		verb("dashboard", "Show services, events and output on a page", func() command.Verb { return &dashboard{project: p} }),
		verb("build", "Refused: vz builds no images yet", func() command.Verb { return &build{project: p} }),
		verb("version", "Show the version", func() command.Verb { return &version{} }),
	}
}
