package container

import (
	"errors"
	"strconv"

	"vz.internal/vzcli/internal/command"
)

// eachPrinting prints what f makes of each name and joins the errors.
func eachPrinting(env *command.Env, names []string, f func(name string) (string, error)) error {
	errs := make([]error, 0, len(names))
	for _, name := range names {
		line, err := f(name)
		if err == nil {
			err = command.PrintLine(env, line)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func itoa(n int) string { return strconv.Itoa(n) }
