package command

import "io"

// A Program is a command line that shares vz's global flags, errors and exit
// codes: vz itself, or a companion such as vz-stack.
type Program struct {
	// Name is what people type, such as "vz stack".
	Name     string
	Commands []Command
	// Flag takes a global flag of the program's own; take returns its value.
	Flag func(name string, take func() (string, error)) (known bool, err error)
	// Overview and FlagHelp are what --help says besides the commands.
	Overview, FlagHelp string
	// NoBackend programs work without one: their services are directories only.
	NoBackend bool
}

// Streams are the standard streams of a program.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}
