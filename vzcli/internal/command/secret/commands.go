// Package secret has the verbs about vz's own store of secrets, which Compose
// files name as external.
package secret

import (
	"path/filepath"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzstack/secret"
)

// Commands returns the verbs.
func Commands() []command.Command {
	return []command.Command{
		{Name: "secret create", Help: "Keep a secret for Compose projects", Group: command.GroupStorage, New: func() command.Verb { return new(create) }},
		{Name: "secret ls", Aliases: []string{"secret list"}, Help: "List secrets; what they hold is never shown", Group: command.GroupStorage, New: func() command.Verb { return new(ls) }},
		{Name: "secret rm", Aliases: []string{"secret remove"}, Help: "Forget secrets", Group: command.GroupStorage, New: func() command.Verb { return new(rm) }},
	}
}

func open(env *command.Env) (*secret.Store, error) {
	s, err := env.Services()
	if err != nil {
		return nil, err
	}
	return secret.New(filepath.Join(s.Home, "secrets")), nil
}
