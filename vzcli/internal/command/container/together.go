package container

import (
	"errors"
	"sync"

	"vz.internal/vzcli/internal/command"
)

// together calls f for all names at once, prints in order the names for which
// it succeeded and joins the errors.
func together(env *command.Env, names []string, f func(name string) error) error {
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i, name := range names {
		wg.Go(func() {
			slots <- struct{}{}
			errs[i] = f(name)
			<-slots
		})
	}
	wg.Wait()
	for i, name := range names {
		if errs[i] == nil {
			errs[i] = command.PrintLine(env, name)
		}
	}
	return errors.Join(errs...)
}
