package container

import "vz.internal/vzcli/internal/command"

// CopyArgs of Copy.
type CopyArgs struct {
	Source, Target      string
	Archive, FollowLink bool
	Quiet               bool // does not say how much was copied
}

// Copy does what vz cp does, for programs that have other names for containers.
func Copy(env *command.Env, args CopyArgs) error {
	return (&cp{Source: args.Source, Target: args.Target, Archive: args.Archive, FollowLink: args.FollowLink, Quiet: args.Quiet}).Run(env)
}

// CommitArgs are the flags of vz commit.
type CommitArgs struct {
	Author  string   `short:"a" help:"Who made the image."`
	Change  []string `short:"c" sep:"none" placeholder:"INSTRUCTION" help:"Dockerfile line to apply: CMD, ENV, USER, ..."`
	Message string   `short:"m" help:"Comment on the image."`
	Pause   bool     `short:"p" default:"true" negatable:"" help:"Pause the container meanwhile."`
}

// Commit does what vz commit does.
func Commit(env *command.Env, name, image string, args CommitArgs) error {
	return (&commit{Container: name, Image: image, CommitArgs: args}).Run(env)
}

// Export does what vz export does; no file is stdout.
func Export(env *command.Env, name, file string) error {
	return (&export{Container: name, Output: file}).Run(env)
}

// AttachArgs are the flags of vz attach.
type AttachArgs struct {
	DetachKeys string `placeholder:"KEYS" help:"Keys that detach from a terminal (ctrl-p,ctrl-q)."`
	NoStdin    bool   `help:"Do not connect stdin."`
	SigProxy   bool   `default:"true" negatable:"" help:"Pass signals on to the program."`
}

// Attach does what vz attach does.
func Attach(env *command.Env, name string, args AttachArgs) error {
	return (&attach{Container: name, AttachArgs: args}).Run(env)
}

// StatsArgs are the flags of vz stats.
type StatsArgs struct {
	All      bool   `short:"a" help:"Show stopped ones too."`
	Format   string `placeholder:"FORMAT" help:"table, json or a Go template."`
	NoStream bool   `help:"Show one sample and end."`
	NoTrunc  bool   `help:"Do not shorten ids."`
}

// Stats does what vz stats does for the containers named.
func Stats(env *command.Env, names []string, args StatsArgs) error {
	return (&stats{Containers: names, StatsArgs: args}).Run(env)
}
