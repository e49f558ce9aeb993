package shell

import (
	"vz.internal/vzcli/internal/box/applet"
)

// Builtin returns a program that does what the shell's own command does: test,
// printf and the like.
func Builtin(name string) applet.Program {
	return func(std *applet.IO, args []string) int {
		s, err := newShell(std, options{})
		if err != nil {
			return std.Fail(err)
		}
		s.runner.Params = args
		if name == "[" {
			if len(args) == 0 || args[len(args)-1] != "]" {
				return std.Usage("EXPRESSION ]")
			}
			s.runner.Params = args[:len(args)-1]
			name = "test"
		}
		return s.runText(name + ` "$@"`)
	}
}
