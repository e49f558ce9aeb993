package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"vz.internal/vzcontract"
)

// explain adds the next step to errors of the disk.
func explain(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "the disk is full (%s); free some space, as with vz system prune, or point VZ_HOME to a larger one", firstLine(err))
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w; point VZ_HOME to a place that can be written", err)
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
		return vzcontract.Errorf(vzcontract.ErrDenied, "%w; run vz as root, or set VZ_HOME and VZ_RUN to directories of your own", err)
	}
	return err
}

// firstLine is what failed first, where more than one did.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
