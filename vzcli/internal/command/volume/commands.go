// Package volume has the verbs about volumes.
package volume

import "vz.internal/vzcli/internal/command"

// Commands returns the verbs.
func Commands() []command.Command {
	all := []command.Command{
		{Name: "volume create", Help: "Make a volume", New: func() command.Verb { return new(create) }},
		{Name: "volume ls", Aliases: []string{"volume list"}, Help: "List volumes", New: func() command.Verb { return new(ls) }},
		{Name: "volume inspect", Help: "Show all about volumes", Complete: command.Volumes, New: func() command.Verb { return new(inspectCmd) }},
		{Name: "volume rm", Aliases: []string{"volume remove"}, Help: "Remove volumes", Complete: command.Volumes, New: func() command.Verb { return new(rm) }},
		{Name: "volume prune", Help: "Remove volumes that no container uses", New: func() command.Verb { return new(prune) }},
	}
	for i := range all {
		all[i].Group = command.GroupStorage
	}
	return all
}

func open(env *command.Env) (*command.Services, volumes, error) {
	s, err := env.Services()
	if err != nil {
		return nil, nil, err
	}
	v, err := command.Need[volumes](s, feature)
	return s, v, err
}
