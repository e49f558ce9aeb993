//go:build !linux && !darwin

package vzcore

import "errors"

// clone makes to a file that shares the blocks of from.
func clone(_, _ string) error { return errors.ErrUnsupported }
