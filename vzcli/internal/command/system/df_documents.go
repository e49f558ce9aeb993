package system

import (
	"strconv"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/command/container"
	"vz.internal/vzcli/internal/command/image"
	"vz.internal/vzcli/internal/command/volume"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

// A diskUsage is docker's document of what there is with its sizes.
type diskUsage struct {
	Images, Containers, Volumes []output.Row
	BuildCache                  []output.Row // there is none
}

// documents prints it by a template, or as JSON.
func documents(env *command.Env, s *command.Services, format string) error {
	now := time.Now()
	d := diskUsage{Images: []output.Row{}, Containers: []output.Row{}, Volumes: []output.Row{}, BuildCache: []output.Row{}}
	containers, err := s.Backend.List(env.Ctx)
	if err != nil {
		return err
	}
	users := map[string]int{}
	for _, c := range containers {
		users[c.ImageID]++
		row := container.Row(c, now, true)
		row["Size"] = output.Size(command.TreeSize(c.RootfsData["UpperDir"]))
		d.Containers = append(d.Containers, row)
	}
	images, err := s.Images.ListImages(env.Ctx)
	if err != nil {
		return err
	}
	for _, i := range images {
		ref := "<none>:<none>"
		if len(i.References) > 0 {
			ref = i.References[0]
		}
		row := image.Row(i, i.ID, ref, now)
		row["Containers"] = strconv.Itoa(users[i.ID])
		d.Images = append(d.Images, row)
	}
	if v, err := command.Need[vzcontract.Volumes](s, vzcontract.FeatureVolumes); err == nil {
		volumes, err := v.ListVolumes(env.Ctx)
		if err != nil {
			return err
		}
		for _, info := range volumes {
			row := volume.Row(info)
			row["Links"], row["Size"] = strconv.Itoa(len(info.UsedBy)), output.Size(command.TreeSize(info.Mountpoint))
			d.Volumes = append(d.Volumes, row)
		}
	}
	return output.Documents(env.Stdout, format, []diskUsage{d})
}
