package image

import (
	"errors"
	"fmt"
	"io"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

type save struct {
	Images   []string `arg:"" name:"image" help:"Images to write."`
	Output   string   `short:"o" placeholder:"FILE" help:"File to write; stdout without."`
	Format   string   `default:"docker" placeholder:"FORMAT" help:"docker (which OCI tools read too) or oci."`
	Platform string   `placeholder:"OS/ARCH" help:"Only this platform."`
}

// Run implements command.Verb.
func (c *save) Run(env *command.Env) error {
	switch c.Format {
	case "docker", "oci":
	case "docker-archive", "oci-archive":
		c.Format = c.Format[:len(c.Format)-len("-archive")]
	default:
		return command.Usagef("--format %s: want docker or oci", c.Format)
	}
	store, err := openStore(env)
	if err != nil {
		return err
	}
	return env.WriteOutput(c.Output, func(w io.Writer) error {
		return store.Save(env.Ctx, w, c.Images, command.SaveOptions{Format: c.Format, Platform: c.Platform})
	})
}

type load struct {
	Input    string `short:"i" placeholder:"FILE" help:"File to read; stdin without."`
	Platform string `hidden:"" help:"Refused."`
	Quiet    bool   `short:"q" help:"Print names only."`
}

// Run implements command.Verb.
func (c *load) Run(env *command.Env) (err error) {
	if c.Platform != "" {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "--platform: the host's platform is loaded from an archive of several")
	}
	in, err := env.ReadInput(c.Input)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	store, err := openStore(env)
	if err != nil {
		return err
	}
	loaded, err := store.Load(env.Ctx, in)
	if err != nil {
		return err
	}
	for _, image := range loaded {
		line := "Loaded image: " + image.Ref
		if image.Ref == "" {
			line = "Loaded image ID: " + image.ID
		}
		if _, err := fmt.Fprintln(env.Stdout, line); err != nil {
			return err
		}
	}
	return nil
}
