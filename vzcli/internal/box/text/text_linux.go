package text

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"vz.internal/vzcli/internal/box/applet"
)

// Programs returns them by name.
func Programs() map[string]applet.Program {
	return map[string]applet.Program{
		"basename":  basename,
		"cut":       cut,
		"dirname":   dirname,
		"grep":      grep,
		"head":      head,
		"seq":       seq,
		"sha256sum": sha256sum,
		"sort":      sortLines,
		"tail":      tail,
		"tee":       tee,
		"tr":        translate,
		"uniq":      uniq,
		"wc":        wc,
		"yes":       yes,
	}
}

// each calls f for each file, or for standard input ("-" or none at all), and
// returns the exit status.
func each(std *applet.IO, names []string, f func(name string, r io.Reader) error) int {
	if len(names) == 0 {
		names = []string{"-"}
	}
	status := 0
	for _, name := range names {
		if err := open(std, name, f); err != nil {
			status = std.Fail(err)
		}
	}
	return status
}

func open(std *applet.IO, name string, f func(name string, r io.Reader) error) error {
	if name == "-" {
		return f("-", std.In)
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return f(name, file)
}

// lines calls f for each line, its newline included but for a last one without.
func lines(r io.Reader, f func(line []byte) error) error {
	br := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := br.ReadBytes('\n')
		if len(line) > 0 {
			if err := f(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// flusher is a buffered standard output.
type flusher interface{ Flush() error }

func flush(std *applet.IO) error {
	if f, ok := std.Out.(flusher); ok {
		return f.Flush()
	}
	return nil
}

func tee(std *applet.IO, args []string) int {
	opts, names, err := applet.Options("ai", args)
	if err != nil {
		return std.Fail(err)
	}
	flags := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	if _, ok := opts['a']; ok {
		flags = os.O_CREATE | os.O_WRONLY | os.O_APPEND
	}
	outs := []io.Writer{std.Out}
	status := 0
	for _, name := range names {
		f, err := os.OpenFile(name, flags, 0o666)
		if err != nil {
			status = std.Fail(err)
			continue
		}
		defer f.Close()
		outs = append(outs, f)
	}
	if _, err := io.Copy(io.MultiWriter(outs...), std.In); err != nil {
		return std.Fail(err)
	}
	return status
}

func yes(std *applet.IO, args []string) int {
	text := "y"
	for i, a := range args {
		if i == 0 {
			text = a
		} else {
			text += " " + a
		}
	}
	for {
		if _, err := fmt.Fprintln(std.Out, text); err != nil {
			return std.Fail(err)
		}
	}
}
