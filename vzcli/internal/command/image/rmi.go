package image

import (
	"errors"
	"fmt"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

type rmi struct {
	Images   []string `arg:"" name:"image" help:"Images to remove."`
	Force    bool     `short:"f" help:"Remove also what stopped containers use; ignore missing ones."`
	NoPrune  bool     `help:"Keep layers that nothing refers to any more."`
	Platform []string `hidden:"" help:"Refused."`
}

// Run implements command.Verb.
func (c *rmi) Run(env *command.Env) error {
	if len(c.Platform) > 0 {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "--platform: vz keeps one platform of an image; remove the image")
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	var errs []error
	opts := vzcontract.RemoveImageOptions{Force: c.Force, NoPrune: c.NoPrune}
	err = vzcontract.RemoveImages(env.Ctx, s.Images, c.Images, opts, func(_ string, removed []vzcontract.RemovedImage, err error) {
		if c.Force && errors.Is(err, vzcontract.ErrNotFound) {
			return
		}
		for _, r := range removed {
			if r.Untagged != "" {
				fmt.Fprintln(env.Stdout, "Untagged: "+r.Untagged)
			}
			if r.Deleted != "" {
				fmt.Fprintln(env.Stdout, "Deleted: "+r.Deleted)
			}
		}
		errs = append(errs, err)
	})
	return errors.Join(append(errs, err)...)
}
