package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"vz.internal/vzcli/internal/box/applet"
)

// makeDirs is mkdir: -p with parents and without an error for one that exists,
// -m MODE in octal.
func makeDirs(std *applet.IO, args []string) int {
	opts, names, err := applet.Options("pm:v", args)
	if err != nil {
		return std.Fail(err)
	}
	if len(names) == 0 {
		return std.Usage("[-p] [-m MODE] DIRECTORY...")
	}
	status := 0
	_, parents := opts['p']
	for _, name := range names {
		makeOne := os.Mkdir
		if parents {
			makeOne = os.MkdirAll
		}
		err := makeOne(name, 0o777)
		if text, ok := opts['m']; ok && err == nil {
			err = setMode(name, text)
		}
		if err != nil {
			status = std.Fail(err)
		}
	}
	return status
}

func setMode(name, text string) error {
	mode, err := strconv.ParseUint(text, 8, 12)
	if err != nil {
		return fmt.Errorf("%s: no octal mode", text)
	}
	if err := unix.Chmod(name, uint32(mode)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: "chmod", Path: name, Err: err}
	}
	return nil
}
