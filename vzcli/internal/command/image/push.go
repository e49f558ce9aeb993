package image

import (
	"fmt"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/progress"
	"vz.internal/vzcontract"
)

type push struct {
	Image               string `arg:"" help:"Image to send."`
	AllTags             bool   `short:"a" hidden:"" help:"Refused."`
	DisableContentTrust *bool  `hidden:"" help:"Accepted: images are verified by digest only."`
	Platform            string `hidden:"" help:"Refused."`
	Quiet               bool   `short:"q" help:"Do not show progress."`
}

// Run implements command.Verb.
func (c *push) Run(env *command.Env) error {
	switch {
	case c.AllTags:
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "--all-tags: vz pushes one tag at a time; name the tags")
	case c.Platform != "":
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "--platform: vz keeps one platform of an image; leave it out")
	}
	store, err := openStore(env)
	if err != nil {
		return err
	}
	display := progress.New(env, c.Quiet)
	digest, err := store.Push(env.Ctx, c.Image, command.PushOptions{Platform: c.Platform, Progress: display.Update})
	display.Close()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Stdout, "%s: digest: %s\n", c.Image, digest)
	return err
}

func openStore(env *command.Env) (command.ImageStore, error) {
	s, err := env.Services()
	if err != nil {
		return nil, err
	}
	return s.NeedStore()
}

type tag struct {
	Source string `arg:"" help:"Image."`
	Target string `arg:"" help:"Its further name."`
}

// Run implements command.Verb.
func (c *tag) Run(env *command.Env) error {
	store, err := openStore(env)
	if err != nil {
		return err
	}
	return store.Tag(env.Ctx, c.Source, c.Target)
}
