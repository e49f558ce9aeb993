package cli

import (
	"io"

	"github.com/alecthomas/kong"

	"vz.internal/vzcli/internal/command"
)

// Program returns vz itself. Companions have a Program of their own.
func Program() command.Program { return command.Program{Name: "vz", Commands: table()} }

// Companions lists the verbs that other programs have, with one line about each.
func Companions() map[string]string { return companionHelp }

// Grammar returns the flags and arguments of a command of program, for manuals.
func Grammar(program command.Program, cmd command.Command) (*kong.Application, error) {
	env := &command.Env{Program: program, Stdout: io.Discard, Stderr: io.Discard}
	parser, err := newParser(env, cmd, cmd.New(), new(late))
	if err != nil {
		return nil, err
	}
	return parser.Model, nil
}
