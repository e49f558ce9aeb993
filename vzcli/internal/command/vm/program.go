package vm

import (
	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/vmrecord"
)

// Program returns vz vm.
func Program() command.Program {
	return command.Program{
		Name: "vz vm", Commands: commands(), NoBackend: true,
		Overview: "Make and run virtual machines: Linux guests and, on a Mac, macOS guests.",
	}
}

func commands() []command.Command {
	verb := func(name, help string, f func() command.Verb, aliases ...string) command.Command {
		return command.Command{Name: name, Help: help, New: f, Aliases: aliases, Group: command.GroupContainers}
	}
	exec := verb("exec", "Run a program in a guest", func() command.Verb { return &exec{} })
	exec.Workload, exec.Failures = true, command.FailRun
	return []command.Command{
		verb("init", "Make a virtual machine", func() command.Verb { return &initCmd{} }),
		verb("provision", "Prepare the first boot of a macOS guest: a user, vz's agent, no questions", func() command.Verb { return &provisionCmd{} }),
		verb("run", "Start a virtual machine", func() command.Verb { return &run{} }, "start"),
		exec,
		verb("save", "Save a running virtual machine to a directory", func() command.Verb { return &save{} }),
		verb("restore", "Start a virtual machine from where it was saved", func() command.Verb { return &restore{} }),
		verb("fork", "Make and start another virtual machine from where one was saved", func() command.Verb { return &fork{} }),
		verb("warm", "Make the snapshot that machines of containers start from", func() command.Verb { return &warmCmd{} }),
		verb("list", "List virtual machines", func() command.Verb { return &list{} }, "ls"),
		verb("stop", "Shut virtual machines down", func() command.Verb { return &stop{} }),
		verb("rm", "Remove virtual machines", func() command.Verb { return &rm{} }),
		verb("cleanup", "Mend what killed processes have left of virtual machines", func() command.Verb { return &cleanup{} }),
		verb("base list", "List the restore images of macOS that vz knows", func() command.Verb { return &baseList{} }, "base ls"),
		verb("base verify", "Compare restore images with what is known of them", func() command.Verb { return &baseVerify{} }),
		verb("cache list", "List the restore images that were downloaded", func() command.Verb { return &cacheList{} }, "cache ls"),
		verb("cache clean", "Remove restore images that nobody uses", func() command.Verb { return &cacheClean{} }),
		verb("self-sign", "Sign vz-vmm for use on this Mac", func() command.Verb { return &selfSign{} }),
		verb("validate", "Say whether this host can run virtual machines", func() command.Verb { return &validate{} }),
	}
}

// registry returns the records below the directories of env.
func registry(env *command.Env) (vmrecord.Registry, error) {
	s, err := env.Services()
	if err != nil {
		return vmrecord.Registry{}, err
	}
	return vmrecord.Registry{Home: s.Home, Run: s.Run}, nil
}
