package system

import (
	"strings"

	"github.com/alecthomas/kong"

	"vz.internal/vzcli/internal/command"
)

// grammar is the command's own, nil if it has none.
func grammar(cmd command.Command) *kong.Application {
	parser, err := kong.New(cmd.New(), kong.NoDefaultHelp(), kong.Name("vz"))
	if err != nil {
		return nil
	}
	return parser.Model
}

// flags are those of the command.
func flags(model *kong.Application) []string {
	found := []string{"--help"}
	for _, f := range model.Flags {
		if f.Hidden {
			continue
		}
		found = append(found, "--"+f.Name)
		if f.Short != 0 {
			found = append(found, "-"+string(f.Short))
		}
	}
	return found
}

// position tells what may follow args: the value of a flag, or else whether an
// argument was given already.
func position(model *kong.Application, args []string) (flag string, given bool) {
	for _, arg := range args {
		switch {
		case flag != "":
			flag = ""
		case given && len(model.Positional) > 0 && model.Positional[0].Passthrough:
			// not ours
		case len(arg) < 2 || arg[0] != '-' || arg == "--":
			given = true
		case takesValue(model, arg):
			flag = arg
		}
	}
	return flag, given
}

// takesValue reports whether the flag's value is the next word.
func takesValue(model *kong.Application, arg string) bool {
	for _, f := range model.Flags {
		named := arg == "--"+f.Name || !strings.HasPrefix(arg, "--") && f.Short != 0 && strings.HasSuffix(arg, string(f.Short))
		if named && !f.IsBool() && !f.IsCounter() {
			return true
		}
	}
	return false
}

// subjects are what the values of flags name.
var subjects = map[string]command.Subject{
	"--network": command.Networks, "--net": command.Networks, "--volumes-from": command.Containers, "--volume": command.Files, "-v": command.Files,
	"--env-file": command.Files, "--label-file": command.Files, "--cidfile": command.Files, "--output": command.Files, "-o": command.Files,
	"--input": command.Files, "-i": command.Files,
}

// values are what may be the value of a flag, after a prefix.
func values(env *command.Env, flag, prefix string) []string {
	subject := subjects[flag]
	if subject == command.Files {
		return []string{":files"}
	}
	found := names(env, subject)
	for i := range found {
		found[i] = prefix + found[i]
	}
	return found
}
