package container

import "vz.internal/vzcli/internal/command"

// CopyArgs of Copy.
type CopyArgs struct {
	Source, Target      string
	Archive, FollowLink bool
}

// Copy does what vz cp does, for programs that have other names for containers.
func Copy(env *command.Env, args CopyArgs) error {
	return (&cp{Source: args.Source, Target: args.Target, Archive: args.Archive, FollowLink: args.FollowLink}).Run(env)
}

// Top does what vz top does.
func Top(env *command.Env, name string) error { return (&top{Args: []string{name}}).Run(env) }
