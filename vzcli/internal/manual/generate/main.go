// Command generate writes what people read about the commands of vz.
//
//	generate reference FILE        write the reference of all commands
//	generate check FILE            fail when FILE is not what would be written
//	generate share DIR VERSION     write manual pages and shell completions, in
//	                               the layout of /usr/share
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"vz.internal/vzcli/internal/cli"
	"vz.internal/vzcli/internal/manual"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	// The width of the terminal must not be seen in the text.
	if err := os.Unsetenv("COLUMNS"); err != nil {
		return err
	}
	switch {
	case len(args) == 2 && args[0] == "reference":
		text, err := manual.Reference()
		if err != nil {
			return err
		}
		return os.WriteFile(args[1], []byte(text), 0o644) //nolint:gosec // a document
	case len(args) == 2 && args[0] == "check":
		return check(args[1])
	case len(args) == 3 && args[0] == "share":
		return errors.Join(pages(args[1], args[2]), completions(args[1]))
	}
	return errors.New("usage: generate reference FILE | check FILE | share DIR VERSION")
}

func check(file string) error {
	want, err := manual.Reference()
	if err != nil {
		return err
	}
	got, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if string(got) != want {
		return fmt.Errorf("%s is not what --help says: run `make generate`", filepath.Base(file))
	}
	return nil
}

func pages(dir, version string) error {
	all, err := manual.Pages(version)
	if err != nil {
		return err
	}
	for name, text := range all {
		if err := write(filepath.Join(dir, "man", "man1", name), []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

// completions are the scripts that vz completion prints, where the shells look
// for them.
func completions(dir string) error {
	for shell, file := range map[string]string{
		"bash": "bash-completion/completions/vz", "zsh": "zsh/vendor-completions/_vz", "fish": "fish/vendor_completions.d/vz.fish",
	} {
		var out, stderr bytes.Buffer
		if code := cli.Main([]string{"completion", shell}, bytes.NewReader(nil), &out, &stderr); code != 0 {
			return fmt.Errorf("completion of %s: %s", shell, stderr.String())
		}
		if err := write(filepath.Join(dir, file), out.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func write(file string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // for a package
		return err
	}
	return os.WriteFile(file, data, 0o644) //nolint:gosec // for a package
}
