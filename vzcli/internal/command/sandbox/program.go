package sandbox

import "vz.internal/vzcli/internal/command"

const overview = `Places for programs that run other programs: make or acquire a sandbox, give it
files, run commands, take the results, throw it away. Without a flag it has no
network, few capabilities and no way to gain more.`

const flagHelp = `Global flags, before or after the command:
  --json                 results and errors as JSON
  and those of vz, before the command: --backend, --home, --run, --progress, -v, -q
`

// Program returns vz sandbox.
func Program() command.Program {
	return command.Program{Name: "vz sandbox", Commands: commands(), Overview: overview, FlagHelp: flagHelp}
}

func commands() []command.Command {
	all := []command.Command{
		{Name: "create", Help: "Make a sandbox and print its name", Complete: command.Images, New: func() command.Verb { return new(create) }},
		{Name: "exec", Help: "Run a command in a sandbox", Failures: command.FailRun, Complete: command.Sandboxes, New: func() command.Verb { return new(exec) }},
		{Name: "ls", Aliases: []string{"list", "ps"}, Help: "List sandboxes", New: func() command.Verb { return new(ls) }},
		{Name: "inspect", Help: "Show all about sandboxes", Complete: command.Sandboxes, New: func() command.Verb { return new(inspect) }},
		{Name: "cp", Help: "Copy files between a sandbox and the host", Complete: command.Sandboxes, New: func() command.Verb { return new(cp) }},
		{Name: "files ls", Help: "List a directory of a sandbox", Complete: command.Sandboxes, New: func() command.Verb { return new(filesLs) }},
		{Name: "files stat", Help: "Show what a path of a sandbox is", Complete: command.Sandboxes, New: func() command.Verb { return new(filesStat) }},
		{Name: "files read", Aliases: []string{"files cat"}, Help: "Print a file of a sandbox", Complete: command.Sandboxes, New: func() command.Verb { return new(filesRead) }},
		{Name: "files write", Help: "Write stdin to a file of a sandbox", Complete: command.Sandboxes, New: func() command.Verb { return new(filesWrite) }},
		{Name: "files mkdir", Help: "Make a directory in a sandbox", Complete: command.Sandboxes, New: func() command.Verb { return new(filesMkdir) }},
		{Name: "files rm", Help: "Remove files and directories of a sandbox", Complete: command.Sandboxes, New: func() command.Verb { return new(filesRm) }},
		{Name: "files mv", Help: "Give a file of a sandbox another path", Complete: command.Sandboxes, New: func() command.Verb { return new(filesMv) }},
		{Name: "files watch", Help: "Follow what happens to files of a sandbox", Complete: command.Sandboxes, New: func() command.Verb { return new(filesWatch) }},
		{Name: "port", Help: "Reach a port inside a sandbox from the host", Complete: command.Sandboxes, New: func() command.Verb { return new(port) }},
		{Name: "snapshot", Help: "Save the files of a sandbox", Complete: command.Sandboxes, New: func() command.Verb { return new(snapshot) }},
		{Name: "snapshots", Help: "List the snapshots of a sandbox", Complete: command.Sandboxes, New: func() command.Verb { return new(snapshots) }},
		{Name: "restore", Help: "Bring the files of a sandbox back to a snapshot", Complete: command.Sandboxes, New: func() command.Verb { return new(restore) }},
		{Name: "fork", Help: "Make another sandbox of a snapshot", Complete: command.Sandboxes, New: func() command.Verb { return new(fork) }},
		{Name: "pause", Help: "Freeze sandboxes", Complete: command.Sandboxes, New: func() command.Verb { return new(pause) }},
		{Name: "unpause", Aliases: []string{"resume"}, Help: "Let frozen sandboxes go on", Complete: command.Sandboxes, New: func() command.Verb { return new(unpause) }},
		{Name: "rm", Help: "Remove sandboxes, also those that run", Complete: command.Sandboxes, New: func() command.Verb { return new(rm) }},
		{Name: "prune", Help: "Remove dead sandboxes and what killed pools have left", New: func() command.Verb { return new(prune) }},
		{Name: "pool serve", Help: "Keep sandboxes of an image ready, until interrupted", Complete: command.Images, New: func() command.Verb { return new(serve) }},
		{Name: "pool acquire", Help: "Take a sandbox out of a pool and print its name", Complete: command.Pools, New: func() command.Verb { return new(acquire) }},
		{Name: "pool ls", Aliases: []string{"pool list"}, Help: "List pools", New: func() command.Verb { return new(poolLs) }},
		{Name: "pool status", Help: "Show what a pool has", Complete: command.Pools, New: func() command.Verb { return new(poolStatus) }},
		{Name: "pool stop", Help: "End pools and remove the sandboxes in them", Complete: command.Pools, New: func() command.Verb { return new(poolStop) }},
		{Name: "capabilities", Help: "Show what sandboxes can do on this host", New: func() command.Verb { return new(capabilities) }},
	}
	for i := range all {
		all[i].Group = command.GroupContainers
	}
	return all
}
