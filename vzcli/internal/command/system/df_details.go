package system

import (
	"fmt"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

// details lists each thing with its size.
func details(env *command.Env, s *command.Services) error {
	images, err := s.Images.ListImages(env.Ctx)
	if err != nil {
		return err
	}
	var rows []output.Row
	for _, i := range images {
		name := "<none>"
		if len(i.References) > 0 {
			name = i.References[0]
		}
		rows = append(rows, output.Row{"Name": name, "ID": output.ShortID(i.ID), "Created": output.Ago(time.Now(), i.Created), "Size": output.Size(i.Size)})
	}
	fmt.Fprintln(env.Stdout, "Images space usage:")
	if err := (output.Listing{Columns: []string{"Name", "ID", "Created", "Size"}}).Print(env.Stdout, output.Options{}, rows); err != nil {
		return err
	}
	containers, err := s.Backend.List(env.Ctx)
	if err != nil {
		return err
	}
	rows = nil
	for _, c := range containers {
		rows = append(rows, output.Row{"Name": c.Name, "ID": output.ShortID(c.ID), "State": string(c.State), "Size": output.Size(command.TreeSize(c.RootfsData["UpperDir"]))})
	}
	fmt.Fprintln(env.Stdout, "\nContainers space usage:")
	if err := (output.Listing{Columns: []string{"Name", "ID", "State", "Size"}}).Print(env.Stdout, output.Options{}, rows); err != nil {
		return err
	}
	v, err := command.Need[vzcontract.Volumes](s, vzcontract.FeatureVolumes)
	if err != nil {
		return err
	}
	volumes, err := v.ListVolumes(env.Ctx)
	if err != nil {
		return err
	}
	rows = nil
	for _, info := range volumes {
		rows = append(rows, output.Row{"Name": info.Name, "Links": fmt.Sprint(len(info.UsedBy)), "Size": output.Size(command.TreeSize(info.Mountpoint))})
	}
	fmt.Fprintln(env.Stdout, "\nLocal Volumes space usage:")
	return output.Listing{Columns: []string{"Name", "Links", "Size"}}.Print(env.Stdout, output.Options{}, rows)
}
