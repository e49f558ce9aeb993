// Package network has the verbs about networks.
package network

import (
	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

// Commands returns the verbs.
func Commands() []command.Command {
	all := []command.Command{
		{Name: "network create", Help: "Make a network", New: func() command.Verb { return new(create) }},
		{Name: "network ls", Aliases: []string{"network list"}, Help: "List networks", New: func() command.Verb { return new(ls) }},
		{Name: "network inspect", Help: "Show all about networks", Complete: command.Networks, New: func() command.Verb { return new(inspectCmd) }},
		{Name: "network rm", Aliases: []string{"network remove"}, Help: "Remove networks", Complete: command.Networks, New: func() command.Verb { return new(rm) }},
		{Name: "network connect", Help: "Connect a container to a network", Complete: command.Networks, New: func() command.Verb { return new(connect) }},
		{Name: "network disconnect", Help: "Disconnect a container from a network", Complete: command.Networks, New: func() command.Verb { return new(disconnect) }},
		{Name: "network prune", Help: "Remove networks that no container uses", New: func() command.Verb { return new(prune) }},
	}
	for i := range all {
		all[i].Group = command.GroupStorage
	}
	return all
}

func open(env *command.Env) (*command.Services, vzcontract.Networks, error) {
	s, err := env.Services()
	if err != nil {
		return nil, nil, err
	}
	n, err := command.Need[vzcontract.Networks](s, vzcontract.FeatureNetworks)
	return s, n, err
}
