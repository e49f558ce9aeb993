package system

import (
	"errors"
	"fmt"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/command/container"
	"vz.internal/vzcli/internal/command/network"
	"vz.internal/vzcli/internal/command/volume"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
	"vz.internal/vzoci/vmbackend/warm"
)

type prune struct {
	All     bool     `short:"a" help:"Remove all images that nothing uses, not only those without a name."`
	Filter  []string `sep:"none" placeholder:"KEY=VALUE" help:"Only what matches label, label! or until."`
	Force   bool     `short:"f" help:"Do not ask."`
	Volumes bool     `help:"Remove anonymous volumes too."`
}

// Run implements command.Verb.
func (c *prune) Run(env *command.Env) error {
	what := "all stopped containers, all networks that no container uses and all images without a name"
	if c.All {
		what = "all stopped containers, and all networks and images that no container uses"
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	snapshots, _ := s.Backend.(warmer)
	if snapshots != nil {
		what += ", and the snapshots that virtual machines start from"
	}
	if c.Volumes {
		what += ", and all anonymous volumes that no container uses"
	}
	f, err := command.ParsePruneFilter(c.Filter, "label", "label!", "until")
	if err != nil {
		return err
	}
	if len(f.Filters["until"]) > 0 && c.Volumes {
		return command.Usagef("--filter until and --volumes exclude each other: volumes are not removed by age")
	}
	ok, err := env.Confirm(c.Force, what)
	if err != nil || !ok {
		return err
	}
	var total int64
	var errs []error
	part := func(title string, report vzcontract.PruneReport, err error) {
		total += report.Freed
		errs = append(errs, err, command.PrintRemoved(env, title, report.Removed))
	}
	removed, err := container.Prune(env, s, f)
	part("Deleted Containers:", removed, err)
	if n, err := command.Need[vzcontract.Networks](s, vzcontract.FeatureNetworks); err == nil {
		names, err := network.Prune(env, n, f)
		part("Deleted Networks:", vzcontract.PruneReport{Removed: names}, err)
	}
	if v, err := command.Need[vzcontract.Volumes](s, vzcontract.FeatureVolumes); err == nil && c.Volumes {
		report, err := volume.Prune(env, v, f, false)
		part("Deleted Volumes:", report, err)
	}
	if snapshots != nil {
		report, err := snapshots.PruneWarm()
		part("Deleted Snapshots:", report, err)
	}
	report, err := s.Images.PruneImages(env.Ctx, vzcontract.PruneImagesOptions{All: c.All, Filters: f.Filters})
	part("Deleted Images:", report, err)
	_, err = fmt.Fprintf(env.Stdout, "Total reclaimed space: %s\n", output.Size(total))
	return errors.Join(append(errs, err)...)
}

// A warmer is a backend with snapshots that its machines start from: a cache.
type warmer interface {
	WarmSnapshots() ([]warm.Snapshot, error)
	PruneWarm() (vzcontract.PruneReport, error)
}
