package image

import (
	"context"
	"errors"
	"io"
	"testing"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

// interrupted is a store that the user interrupts at its first removal.
type interrupted struct {
	vzcontract.Images
	stop    func()
	removed int
}

func (s *interrupted) RemoveImage(context.Context, string, vzcontract.RemoveImageOptions) ([]vzcontract.RemovedImage, error) {
	s.removed++
	s.stop()
	return nil, nil
}

func TestRmiInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	store := &interrupted{stop: stop}
	env := &command.Env{Ctx: ctx, Stdout: io.Discard, Open: func(command.Globals) (*command.Services, error) {
		return &command.Services{Images: store}, nil
	}}
	err := (&rmi{Images: []string{"a", "b", "c"}}).Run(env)
	if !errors.Is(err, context.Canceled) || store.removed != 1 {
		t.Errorf("rmi of three images, interrupted at the first: %v, %d removed", err, store.removed)
	}
}
