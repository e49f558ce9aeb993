package image

import (
	"errors"
	"fmt"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

type importCmd struct {
	File     string   `arg:"" help:"Tar archive, plain or compressed, or - for stdin."`
	Image    string   `arg:"" optional:"" help:"Name of the new image."`
	Change   []string `short:"c" sep:"none" placeholder:"INSTRUCTION" help:"Dockerfile line to apply: CMD, ENV, USER, ..."`
	Message  string   `short:"m" help:"Comment on the image."`
	Platform string   `placeholder:"OS/ARCH" help:"Platform of the image."`
}

// Run implements command.Verb.
func (c *importCmd) Run(env *command.Env) (err error) {
	if strings.Contains(c.File, "://") {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "import %s: vz fetches no URLs; use curl -L %s | vz import - NAME", c.File, c.File)
	}
	in, err := env.ReadInput(c.File)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	store, err := openStore(env)
	if err != nil {
		return err
	}
	info, err := store.Import(env.Ctx, in, command.ImportOptions{Ref: c.Image, Message: c.Message, Platform: c.Platform, Changes: c.Change})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.Stdout, info.ID)
	return err
}
