package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

var companionHelp = map[string]string{
	"stack": "Compose stacks (also vz compose)", "vm": "virtual machines as such",
	"sandbox": "sandboxes for programs that run other programs",
}

// companion replaces vz by the program that has the verb. It returns only when
// that failed.
func companion(g command.Globals, verb string, args []string) error {
	program := command.Companions[verb]
	if path, ok := command.Companion(program); ok {
		err := syscall.Exec(path, slices.Concat([]string{program}, flagsOf(g), args), os.Environ())
		return fmt.Errorf("run %s: %w", path, err)
	}
	return vzcontract.Errorf(vzcontract.ErrUnavailable,
		"%s: %s is not beside vz or in $VZ_LIBEXEC; build it with `make build` or `go install vz.internal/vzcli/cmd/%s@latest`",
		verb, program, program)
}

// flagsOf writes the flags that stood before the verb again. What the
// environment says, the companion sees itself.
func flagsOf(g command.Globals) []string {
	var flags []string
	for _, f := range []struct{ name, value, env string }{
		{"--backend", g.Backend, "VZ_BACKEND"}, {"--home", g.Home, "VZ_HOME"}, {"--run", g.Run, "VZ_RUN"},
	} {
		if f.value != "" && f.value != os.Getenv(f.env) && f.value != "auto" {
			flags = append(flags, f.name+"="+f.value)
		}
	}
	if g.LogFormat != "text" && g.LogFormat != "" {
		flags = append(flags, "--log-format="+g.LogFormat)
	}
	if g.Progress != "auto" && g.Progress != "" {
		flags = append(flags, "--progress="+g.Progress)
	}
	if g.JSON {
		flags = append(flags, "--json")
	}
	if g.Quiet {
		flags = append(flags, "-q")
	}
	if g.Verbose > 0 {
		flags = append(flags, "-"+strings.Repeat("v", g.Verbose))
	}
	return flags
}
