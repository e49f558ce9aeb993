package container

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

// Row gives docker's placeholders for one container.
func Row(c vzcontract.ContainerInfo, now time.Time, noTrunc bool) output.Row {
	id, cmd := output.ShortID(c.ID), commandLine(c.Command)
	mounts, volumes := []string{}, 0
	for _, m := range c.Mounts {
		name := m.Source
		if m.Name != "" {
			name = m.Name
			volumes++
		}
		if name == "" {
			continue // a tmpfs
		}
		if !noTrunc {
			name = output.Ellipsis(name, 15)
		}
		mounts = append(mounts, name)
	}
	if noTrunc {
		id = c.ID
	} else {
		cmd = output.Ellipsis(cmd, 20)
	}
	networks := []string{}
	for _, n := range c.Networks {
		networks = append(networks, n.Network)
	}
	image := c.Image
	if image == "" {
		image = c.Config.Rootfs
	}
	return output.Row{
		"ID": id, "Names": c.Name, "Image": image, "ImageID": c.ImageID, "Command": strconv.Quote(cmd),
		"CreatedAt": output.Time(c.CreatedAt), "RunningFor": output.Ago(now, c.CreatedAt),
		"State": State(c), "Status": Status(c, now), "Ports": Ports(c), "Labels": output.Labels(c.Labels),
		"Mounts": strings.Join(mounts, ","), "Networks": strings.Join(networks, ","),
		"LocalVolumes": strconv.Itoa(volumes), "Size": "", "Backend": c.Backend, "Platform": c.Config.Platform, "Pid": strconv.Itoa(c.PID),
	}
}

// commandLine has quotes around the words with spaces, as docker shows them.
func commandLine(words []string) string {
	line := slices.Clone(words)
	for i, word := range line {
		if i > 0 && strings.Contains(word, " ") {
			line[i] = "'" + word + "'"
		}
	}
	return strings.Join(line, " ")
}

// State is docker's word for the container's state.
func State(c vzcontract.ContainerInfo) string {
	switch {
	case c.Restarting:
		return "restarting"
	case c.State == vzcontract.StateStopped:
		return "exited"
	}
	return string(c.State)
}

// Status is what people read in the STATUS column.
func Status(c vzcontract.ContainerInfo, now time.Time) string {
	code := "unknown"
	if c.Exit != nil && !c.Exit.Unknown {
		code = strconv.Itoa(c.Exit.Code)
	}
	switch State(c) {
	case "restarting":
		return fmt.Sprintf("Restarting (%s) %s", code, output.Ago(now, c.StoppedAt))
	case "exited":
		return fmt.Sprintf("Exited (%s) %s", code, output.Ago(now, c.StoppedAt))
	case "created":
		return "Created"
	}
	s := "Up " + output.Span(now.Sub(c.StartedAt))
	switch {
	case c.State == vzcontract.StatePaused:
		s += " (Paused)"
	case c.Orphaned:
		s += " (orphaned)"
	case c.Health != nil && c.Health.Status == vzcontract.HealthStarting:
		s += " (health: starting)"
	case c.Health != nil:
		s += fmt.Sprintf(" (%s)", c.Health.Status)
	}
	return s
}
