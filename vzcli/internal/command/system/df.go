package system

import (
	"fmt"
	"strconv"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

type df struct {
	Format  string `placeholder:"FORMAT" help:"table, json or a Go template."`
	Verbose bool   `short:"v" help:"Show each image, container and volume."`
}

var dfListing = output.Listing{
	Columns: []string{"Type", "TotalCount", "Active", "Size", "Reclaimable"}, Quiet: "Type", Headers: map[string]string{"TotalCount": "TOTAL"},
}

// Run implements command.Verb.
func (c *df) Run(env *command.Env) error {
	s, err := env.Services()
	if err != nil {
		return err
	}
	format := env.Listing(c.Format, false)
	if c.Verbose && (format.Format == "" || format.Format == "table") {
		return details(env, s)
	}
	if c.Verbose {
		return documents(env, s, format.Format)
	}
	images, err := imageUsage(env, s)
	if err != nil {
		return err
	}
	containers, err := containerUsage(env, s)
	if err != nil {
		return err
	}
	volumes, err := volumeUsage(env, s)
	if err != nil {
		return err
	}
	rows := []output.Row{images.row("Images"), containers.row("Containers"), volumes.row("Local Volumes")}
	if images.caches > 0 {
		rows = append(rows, usage{size: images.caches, reclaimable: images.caches}.row("Partial downloads"))
	}
	if w, ok := s.Backend.(warmer); ok {
		warm, err := warmUsage(w)
		if err != nil {
			return err
		}
		if warm.total > 0 {
			rows = append(rows, warm.row("Warm snapshots"))
		}
	}
	return dfListing.Print(env.Stdout, format, rows)
}

type usage struct {
	total, active             int
	size, reclaimable, caches int64
}

func (u usage) row(kind string) output.Row {
	reclaimable := output.Size(u.reclaimable)
	if u.size > 0 {
		reclaimable += fmt.Sprintf(" (%d%%)", 100*u.reclaimable/u.size)
	}
	return output.Row{
		"Type": kind, "TotalCount": strconv.Itoa(u.total), "Active": strconv.Itoa(u.active), "Size": output.Size(u.size), "Reclaimable": reclaimable,
	}
}

func imageUsage(env *command.Env, s *command.Services) (usage, error) {
	if s.Store != nil {
		u, err := s.Store.DiskUsage(env.Ctx)
		return usage{total: u.Images, active: u.Active, size: u.Size, reclaimable: u.Reclaimable, caches: u.Caches}, err
	}
	all, err := s.Images.ListImages(env.Ctx)
	u := usage{total: len(all)}
	for _, i := range all {
		u.size += i.Size
	}
	return u, err
}

func containerUsage(env *command.Env, s *command.Services) (usage, error) {
	all, err := s.Backend.List(env.Ctx)
	u := usage{total: len(all)}
	for _, c := range all {
		size := command.TreeSize(c.RootfsData["UpperDir"])
		u.size += size
		if c.State == vzcontract.StateRunning || c.State == vzcontract.StatePaused {
			u.active++
		} else {
			u.reclaimable += size
		}
	}
	return u, err
}

func warmUsage(w warmer) (u usage, err error) {
	all, err := w.WarmSnapshots()
	for _, one := range all {
		u.total++
		u.size += one.Size
	}
	u.reclaimable = u.size
	return u, err
}

func volumeUsage(env *command.Env, s *command.Services) (usage, error) {
	v, err := command.Need[vzcontract.Volumes](s, vzcontract.FeatureVolumes)
	if err != nil {
		return usage{}, nil //nolint:nilerr // a backend without volumes has none
	}
	all, err := v.ListVolumes(env.Ctx)
	u := usage{total: len(all)}
	for _, info := range all {
		size := command.TreeSize(info.Mountpoint)
		u.size += size
		if len(info.UsedBy) > 0 {
			u.active++
		} else {
			u.reclaimable += size
		}
	}
	return u, err
}
