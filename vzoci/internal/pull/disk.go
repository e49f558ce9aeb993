package pull

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"vz.internal/vzcontract"
)

// onDisk adds the next step to a full or read-only disk's error.
func onDisk(err error) error {
	var where *fs.PathError
	at := ""
	if errors.As(err, &where) {
		at = " (" + where.Path + ")"
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "the disk is full%s; free some space, as with vz system prune, or point VZ_HOME to a larger one", at)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w; point VZ_HOME to a place that can be written", err)
	}
	return err
}
