// Package applet is what the small programs of vz-box have in common: their
// streams, their options and how they report.
package applet

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// IO is what a program gets. Out is flushed after the program.
type IO struct {
	Name string
	In   io.Reader
	Out  io.Writer
	Err  io.Writer
}

// A Program runs with its arguments, its name not among them, and returns its
// exit status.
type Program func(std *IO, args []string) int

// Fail reports an error and returns the exit status 1.
func (std *IO) Fail(err error) int {
	_, _ = fmt.Fprintf(std.Err, "%s: %s\n", std.Name, Text(err)) // there is no one else to tell
	return 1
}

// Usage reports how to call the program and returns the exit status 2.
func (std *IO) Usage(text string) int {
	_, _ = fmt.Fprintf(std.Err, "usage: %s %s\n", std.Name, text) // there is no one else to tell
	return 2
}

// Text words an error as Unix programs do: "path: reason".
func Text(err error) string {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Path + ": " + e.Err.Error()
	}
	return err.Error()
}

// Options takes single-letter options from the start of args, as in "nr" with
// "k:" for one with a value, and returns the values, "" for options without,
// and what follows. "-" and all after "--" are no options. A bad one is an
// error that says so.
func Options(spec string, args []string) (map[byte]string, []string, error) {
	found := map[byte]string{}
	for len(args) > 0 {
		arg := args[0]
		if len(arg) < 2 || arg[0] != '-' {
			break
		}
		args = args[1:]
		if arg == "--" {
			break
		}
		for arg = arg[1:]; arg != ""; {
			c := arg[0]
			arg = arg[1:]
			at := strings.IndexByte(spec, c)
			switch {
			case at < 0 || c == ':':
				return nil, nil, fmt.Errorf("unknown option -%c", c)
			case at+1 == len(spec) || spec[at+1] != ':':
				found[c] = ""
				continue
			case arg == "" && len(args) == 0:
				return nil, nil, fmt.Errorf("option -%c needs a value", c)
			case arg == "":
				arg, args = args[0], args[1:]
			}
			found[c], arg = arg, ""
		}
	}
	return found, args, nil
}
