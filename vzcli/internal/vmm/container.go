package vmm

import (
	"context"
	"log/slog"
	"os"

	"vz.internal/vzoci/vmbackend/owner"
)

// RunContainer runs the machine of a container, whose id is opts.Name. One that had to
// boot has a snapshot made in the background, where there are any, for the next ones to
// start from.
func RunContainer(ctx context.Context, opts Options) error {
	h, err := opts.Open("", "")
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	return owner.Run(ctx, owner.Options{
		Home: opts.Registry.Home, Run: opts.Registry.Run, Machine: opts.Name, Driver: h.Driver, Arch: h.Arch, Ready: opts.Ready, Log: log,
		Wire: wire(opts), Cold: os.Getenv(WarmVariable) == "off", Booted: booted(opts, log),
	})
}
