package dev

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
	"vz.internal/vzsandbox/devfile"
)

type initCmd struct {
	Force  bool `short:"f" help:"Replace a vz.json that is there."`
	Schema bool `help:"Print the JSON Schema of vz.json, for editors, and do nothing else."`
}

// Run implements command.Verb.
func (c *initCmd) Run(env *command.Env) error {
	if c.Schema {
		_, err := env.Stdout.Write(devfile.Schema)
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	f, found := devfile.Detect(dir)
	text, err := f.Encode()
	if err != nil {
		return err
	}
	if err := c.write(filepath.Join(dir, devfile.Name), text); err != nil {
		return err
	}
	if found == "" {
		found = "a project of no known kind"
	}
	return command.PrintLine(env, fmt.Sprintf("%s: image %s, for %s", devfile.Name, f.Image, found))
}

// write makes the file, whole or not at all. It belongs to whoever the directory
// belongs to, as far as vz may give it away.
func (c *initCmd) write(file string, text []byte) (err error) {
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, text) {
		return nil // as it would be
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".vz-*")
	if err != nil {
		return err
	}
	defer func() {
		if removed := os.Remove(tmp.Name()); !errors.Is(removed, os.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}()
	_, err = tmp.Write(text)
	if err := errors.Join(err, give(tmp, filepath.Dir(file)), tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	if c.Force {
		return os.Rename(tmp.Name(), file)
	}
	if err := os.Link(tmp.Name(), file); errors.Is(err, os.ErrExist) {
		return vzcontract.Errorf(vzcontract.ErrConflict, "%s is there already; --force replaces it", file)
	} else if err != nil {
		return err
	}
	return nil
}

func give(f *os.File, dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return f.Chown(int(s.Uid), int(s.Gid))
}
