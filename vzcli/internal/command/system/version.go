package system

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
)

type version struct {
	Format string `short:"f" placeholder:"FORMAT" help:"json or a Go template."`
}

// What the linker sets in a release; empty in other builds.
var builtCommit, builtTime string

// A release is what version prints.
type release struct {
	Version, GoVersion, GitCommit, BuildTime, Os, Arch, KernelVersion string
	Experimental                                                      bool
	Platform                                                          struct{ Name string }
}

// Run implements command.Verb.
func (c *version) Run(env *command.Env) error {
	r := release{Version: command.Version(), GoVersion: runtime.Version(), GitCommit: builtCommit, BuildTime: builtTime, Os: runtime.GOOS, Arch: runtime.GOARCH}
	r.KernelVersion, _ = host()
	r.Platform.Name = "vz"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				r.GitCommit = s.Value
			case "vcs.time":
				r.BuildTime = s.Value
			}
		}
	}
	if format := env.Listing(c.Format, false).Format; format != "" {
		// Templates for docker ask for .Client or .Server; both are vz itself.
		return output.Documents(env.Stdout, format, []any{struct {
			release
			Client, Server release
		}{r, r, r}})
	}
	fmt.Fprintf(env.Stdout, "vz version %s\nGo version: %s\nOS/Arch: %s/%s\n", r.Version, r.GoVersion, r.Os, r.Arch)
	if r.GitCommit != "" {
		fmt.Fprintf(env.Stdout, "Git commit: %s\n", r.GitCommit)
	}
	return nil
}
