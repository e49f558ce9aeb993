package program

import (
	"os"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

const binfmtDir = "/proc/sys/fs/binfmt_misc"

// Runnable is Find plus the verdict whether the kernel will take it: a program
// of another machine, or a file that is neither a program nor a script, is
// ErrCannotExec unless binfmt_misc knows further formats.
func Runnable(q Query) error {
	kind, err := Find(q)
	if err != nil {
		return err
	}
	if (kind == Foreign || kind == Unknown) && !extraFormats() {
		return vzcontract.Errorf(vzcontract.ErrCannotExec, "exec %q: %w", q.Name, unix.ENOEXEC)
	}
	return nil
}

// extraFormats reports whether binfmt_misc has entries besides its two
// control files.
func extraFormats() bool {
	entries, err := os.ReadDir(binfmtDir)
	return err == nil && len(entries) > 2
}
