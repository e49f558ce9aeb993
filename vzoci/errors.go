package vzoci

import (
	"context"
	"errors"
	"io/fs"

	"vz.internal/vzcontract"
)

// failure says which operation on which image failed.
func failure(op, name string, err error) error {
	var known *vzcontract.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return &vzcontract.Error{Op: op, Kind: "image", Name: name, Class: classOf(err), Err: err}
}

// noSuchImage is the reason for an image that is not in the store.
func noSuchImage() error {
	return vzcontract.Errorf(vzcontract.ErrNotFound, "no such image here; vz images lists what there is")
}

func notExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// isMissing tells an image that is not here from other failures.
func isMissing(err error) bool { return errors.Is(err, vzcontract.ErrNotFound) }
