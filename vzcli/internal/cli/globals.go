package cli

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"vz.internal/vzcli/internal/command"
)

// backends maps every accepted spelling to the backend's name.
var backends = map[string]string{
	"auto": "auto", "native": "native", "linux": "native", "linux-native": "native",
	"vm": "vm", "macos": "vm", "macos-vz": "vm", "fake": "fake",
}

// parseGlobals reads the flags before the verb. It returns nil words when it
// has answered the command line itself.
func parseGlobals(env *command.Env, args []string) ([]string, error) {
	g := &env.Globals
	g.Home, g.Run, g.Backend = os.Getenv("VZ_HOME"), os.Getenv("VZ_RUN"), os.Getenv("VZ_BACKEND")
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name, value, has := strings.Cut(args[0], "=")
		args = args[1:]
		take := func() (string, error) {
			if !has && len(args) == 0 {
				return "", command.Usagef("%s: a value is missing; see %s --help", name, env.Program.Name)
			}
			if !has {
				value, args = args[0], args[1:]
			}
			return value, nil
		}
		var err error
		switch name {
		case "--backend":
			g.Backend, err = take()
		case "--home":
			g.Home, err = take()
		case "--run":
			g.Run, err = take()
		case "--log-format":
			g.LogFormat, err = take()
		case "--progress":
			g.Progress, err = take()
		case "--json":
			g.JSON = true
		case "-q", "--quiet":
			g.Quiet = true
		case "-v", "-vv", "-vvv":
			g.Verbose += len(name) - 1
		case "--verbose":
			g.Verbose++
		case "--version":
			return []string{"version"}, nil
		case "-h", "--help":
			return nil, printOverview(env)
		default:
			known := false
			if env.Program.Flag != nil {
				known, err = env.Program.Flag(name, take)
			}
			if !known {
				return nil, command.Usagef("%s: unknown flag; see %s --help", name, env.Program.Name)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if args == nil {
		args = []string{}
	}
	return args, checkGlobals(g)
}

func checkGlobals(g *command.Globals) error {
	name, ok := backends[cmp.Or(g.Backend, "auto")]
	if !ok {
		return command.Usagef("backend %q: unknown; accepted are auto, native (linux, linux-native) and vm (macos, macos-vz)", g.Backend)
	}
	g.Backend = name
	g.LogFormat = cmp.Or(g.LogFormat, "text")
	if !slices.Contains([]string{"text", "json"}, g.LogFormat) {
		return command.Usagef("--log-format %q: want text or json", g.LogFormat)
	}
	g.Progress = cmp.Or(g.Progress, "auto")
	if !slices.Contains([]string{"auto", "plain", "quiet"}, g.Progress) {
		return command.Usagef("--progress %q: want auto, plain or quiet", g.Progress)
	}
	for _, dir := range []*string{&g.Home, &g.Run} {
		if *dir == "" {
			continue
		}
		abs, err := filepath.Abs(*dir)
		if err != nil {
			return command.Usagef("state directory %s: %w", *dir, err)
		}
		*dir = abs
	}
	return nil
}
