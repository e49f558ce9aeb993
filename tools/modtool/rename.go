package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"

	"vz.internal/tools/internal/workspace"
)

// rename gives all modules another prefix, in every text file that git tracks.
func rename(w *workspace.Workspace, prefix string) error {
	prefix = strings.TrimSuffix(prefix, "/")
	if err := module.CheckPath(prefix + "/vzcontract"); err != nil {
		return err
	}
	files, err := tracked(w.Root)
	if err != nil {
		return err
	}
	old := w.Prefix()
	changed := 0
	for _, file := range files {
		file = filepath.Join(w.Root, file)
		info, err := os.Lstat(file)
		if err != nil || !info.Mode().IsRegular() {
			continue // removed but not yet committed, or a link
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if bytes.IndexByte(data, 0) >= 0 || !bytes.Contains(data, []byte(old)) {
			continue
		}
		data = bytes.ReplaceAll(data, []byte(old), []byte(prefix+"/"))
		if err := os.WriteFile(file, data, info.Mode().Perm()); err != nil {
			return err
		}
		changed++
	}
	fmt.Printf("renamed %s to %s/ in %d files\n", old, prefix, changed)
	return nil
}

func tracked(root string) ([]string, error) {
	out, err := git(root, "ls-files", "-z")
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(out, "\x00"), "\x00"), nil
}

func git(root string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return string(out), nil
}
