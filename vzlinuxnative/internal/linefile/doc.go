//go:build linux

// Package linefile keeps lines in files that are rotated by size, and reads
// and follows them. The newest lines are in path, older ones in path.1, path.2
// and so on. A line is never in two files.
package linefile

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// generation is the name of the i-th newest file.
func generation(path string, i int) string {
	if i == 0 {
		return path
	}
	return fmt.Sprintf("%s.%d", path, i)
}

// Rotate makes room for a new path: all files become one older, and only
// keep-1 old ones stay. The caller keeps other writers away.
func Rotate(path string, keep int) error {
	if keep <= 1 {
		return absent(os.Remove(path))
	}
	// The oldest first: who scans from path upwards meets each file at least once.
	for i := keep - 1; i > 0; i-- {
		if err := absent(os.Rename(generation(path, i-1), generation(path, i))); err != nil {
			return err
		}
	}
	return nil
}

func absent(err error) error {
	if err != nil && isNotExist(err) {
		return nil
	}
	return err
}

// Remove deletes all files of path.
func Remove(path string) error {
	for i, missed := 0, 0; missed < 2; i++ {
		err := os.Remove(generation(path, i))
		switch {
		case err == nil:
			missed = 0
		case isNotExist(err):
			missed++
		default:
			return err
		}
	}
	return nil
}

// appendFlags open a file for whole lines. A link in its place is an error.
const appendFlags = os.O_RDWR | os.O_CREATE | os.O_APPEND | syscall.O_NOFOLLOW

const fileMode fs.FileMode = 0o640
