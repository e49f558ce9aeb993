package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// WriteOutput calls write with the named file, which appears only when all went
// well, or with stdout when name is empty. Binary data does not go to a terminal.
func (e *Env) WriteOutput(name string, write func(io.Writer) error) error {
	if name == "" || name == "-" {
		if _, ok := Terminal(e.Stdout); ok {
			return Usagef("the archive does not go to a terminal; use -o FILE or a pipe")
		}
		return write(e.Stdout)
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		if info.IsDir() {
			return Usagef("--output %s: is a directory", name)
		}
		return writeInPlace(name, write) // a device or a fifo
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".vz-*")
	if err != nil {
		return fmt.Errorf("--output %s: %w", name, err)
	}
	err = errors.Join(write(f), f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func writeInPlace(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	return errors.Join(write(f), f.Close())
}

// ReadInput opens the named file, or stdin when name is empty or "-".
func (e *Env) ReadInput(name string) (io.ReadCloser, error) {
	if name != "" && name != "-" {
		return os.Open(name)
	}
	if _, ok := Terminal(e.Stdin); ok {
		return nil, Usagef("the archive does not come from a terminal; name a file or use a pipe")
	}
	return io.NopCloser(e.Stdin), nil
}

// PrintLine writes one line to stdout.
func PrintLine(env *Env, line string) error {
	_, err := fmt.Fprintln(env.Stdout, line)
	return err
}
