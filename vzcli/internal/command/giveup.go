package command

import (
	"errors"

	"vz.internal/vzcontract"
)

// GiveUp stops a container that goes with its end, as nobody takes what it
// writes any more, and returns when it is gone.
func GiveUp(env *Env, s *Services, id string) error {
	err := s.Backend.Stop(env.Ctx, id, vzcontract.StopOptions{})
	if err == nil {
		_, err = s.Backend.Wait(env.Ctx, id, vzcontract.WaitRemoved)
	}
	if errors.Is(err, vzcontract.ErrNotFound) {
		return nil
	}
	return err
}
