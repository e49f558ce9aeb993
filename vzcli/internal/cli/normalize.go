package cli

import (
	"strings"

	"github.com/alecthomas/kong"
)

// normalize rewrites what docker's fingers type into what kong reads: "-m=1g"
// becomes "-m", "1g" and "-it=false" keeps its meaning. It stops at "--" and at
// the first positional when that one takes the rest of the line.
func normalize(app *kong.Application, args []string) []string {
	flags := map[string]*kong.Flag{}
	for _, f := range app.Flags {
		flags["--"+f.Name] = f
		if f.Short != 0 {
			flags["-"+string(f.Short)] = f
		}
		for _, a := range f.Aliases {
			flags["--"+a] = f
		}
	}
	passthrough := len(app.Positional) > 0 && app.Positional[0].Passthrough
	out := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--" && passthrough:
			return append(out, args[i+1:]...) // all that follows is positional
		case arg == "--", !strings.HasPrefix(arg, "-") && passthrough:
			return append(out, args[i:]...)
		case strings.HasPrefix(arg, "--"):
			name, _, has := strings.Cut(arg, "=")
			out = append(out, arg)
			if f := flags[name]; f != nil && !has && !f.IsBool() && !f.IsCounter() && i+1 < len(args) {
				i++
				out[len(out)-1] = arg + "=" + args[i]
			}
		case len(arg) > 1 && arg[0] == '-':
			var used int
			var words []string
			words, used = splitShort(flags, arg, args[i+1:])
			out = append(out, words...)
			i += used
		default:
			out = append(out, arg)
		}
	}
	return out
}

// splitShort takes a cluster of short flags apart; used is how many of the
// following words it consumed.
func splitShort(flags map[string]*kong.Flag, cluster string, following []string) (words []string, used int) {
	rest := cluster[1:]
	for rest != "" {
		f := flags["-"+rest[:1]]
		if f == nil {
			return append(words, "-"+rest), 0 // kong names the unknown flag
		}
		tail := rest[1:]
		if f.IsBool() || f.IsCounter() {
			if value, ok := strings.CutPrefix(tail, "="); ok {
				return append(words, "--"+f.Name+"="+value), 0
			}
			words = append(words, "--"+f.Name)
			rest = tail
			continue
		}
		switch {
		case tail != "":
			return append(words, "--"+f.Name+"="+strings.TrimPrefix(tail, "=")), 0
		case len(following) > 0:
			return append(words, "--"+f.Name+"="+following[0]), 1
		}
		return append(words, "--"+f.Name), 0
	}
	return words, 0
}

// helpWanted reports whether --help, or -h where no flag has that letter,
// stands before the positionals that take the rest of the line.
func helpWanted(app *kong.Application, args []string) bool {
	short := true
	for _, f := range app.Flags {
		short = short && f.Short != 'h'
	}
	for _, arg := range normalize(app, args) {
		switch {
		case arg == "--help", arg == "-h" && short:
			return true
		case arg == "--", !strings.HasPrefix(arg, "-") && len(app.Positional) > 0 && app.Positional[0].Passthrough:
			return false
		}
	}
	return false
}
