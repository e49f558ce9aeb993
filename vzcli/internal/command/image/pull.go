package image

import (
	"fmt"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/progress"
	"vz.internal/vzcontract"
)

type pull struct {
	Image               string `arg:"" help:"Image to fetch."`
	AllTags             bool   `short:"a" hidden:"" help:"Refused."`
	DisableContentTrust *bool  `hidden:"" help:"Accepted: images are verified by digest only."`
	Platform            string `placeholder:"OS/ARCH" help:"Platform of the image."`
	Quiet               bool   `short:"q" help:"Do not show progress."`
}

// Run implements command.Verb.
func (c *pull) Run(env *command.Env) error {
	if c.AllTags {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "--all-tags: vz pulls one tag at a time; name the tags")
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	display := progress.New(env, c.Quiet)
	info, err := s.Images.PullImage(env.Ctx, c.Image, vzcontract.PullOptions{
		Policy: vzcontract.PullAlways, Platform: c.Platform, Progress: display.Update,
	})
	display.Close()
	if err != nil {
		return err
	}
	if !c.Quiet && !env.Globals.Quiet {
		fmt.Fprintf(env.Stderr, "Digest: %s\n", info.Digest)
	}
	_, err = fmt.Fprintln(env.Stdout, reference(info, c.Image))
	return err
}

// reference is the name under which the image now stands in the store.
func reference(info vzcontract.ImageInfo, asked string) string {
	for _, ref := range info.References {
		if ref == asked || strings.TrimSuffix(ref, ":latest") == asked {
			return ref
		}
	}
	return asked
}
