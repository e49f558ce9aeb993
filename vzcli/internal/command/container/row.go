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

// row gives docker's placeholders for one container.
func row(c vzcontract.ContainerInfo, now time.Time, noTrunc bool) output.Row {
	id, cmd := output.ShortID(c.ID), strings.Join(c.Command, " ")
	mounts, volumes := []string{}, 0
	for _, m := range c.Mounts {
		name := m.Source
		if m.Name != "" {
			name = m.Name
			volumes++
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
		"State": state(c), "Status": status(c, now), "Ports": ports(c.Ports), "Labels": output.Labels(c.Labels),
		"Mounts": strings.Join(mounts, ","), "Networks": strings.Join(networks, ","),
		"LocalVolumes": strconv.Itoa(volumes), "Size": "", "Backend": c.Backend, "Platform": c.Config.Platform, "Pid": strconv.Itoa(c.PID),
	}
}

// state is docker's word for the container's state.
func state(c vzcontract.ContainerInfo) string {
	switch {
	case c.Restarting:
		return "restarting"
	case c.State == vzcontract.StateStopped:
		return "exited"
	}
	return string(c.State)
}

// status is what people read in the STATUS column.
func status(c vzcontract.ContainerInfo, now time.Time) string {
	code := "unknown"
	if c.Exit != nil && !c.Exit.Unknown {
		code = strconv.Itoa(c.Exit.Code)
	}
	switch state(c) {
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

// ports joins neighbouring ports to ranges, as docker does.
func ports(all []vzcontract.PublishedPort) string {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b vzcontract.PublishedPort) int {
		return strings.Compare(portKey(a), portKey(b))
	})
	var words []string
	for i := 0; i < len(sorted); {
		first := sorted[i]
		j := i + 1
		for j < len(sorted) && follows(sorted[j-1], sorted[j]) {
			j++
		}
		words = append(words, portWord(first, sorted[j-1]))
		i = j
	}
	return strings.Join(words, ", ")
}

func portKey(p vzcontract.PublishedPort) string {
	return fmt.Sprintf("%s %05d %05d %s", p.Protocol, p.ContainerPort, p.HostPort, p.HostIP)
}

func follows(a, b vzcontract.PublishedPort) bool {
	return a.HostIP == b.HostIP && a.Protocol == b.Protocol && a.HostPort != 0 && a.HostPort+1 == b.HostPort && a.ContainerPort+1 == b.ContainerPort
}

func portWord(first, last vzcontract.PublishedPort) string {
	span := func(a, b uint16) string {
		if a == b {
			return strconv.Itoa(int(a))
		}
		return fmt.Sprintf("%d-%d", a, b)
	}
	container := span(first.ContainerPort, last.ContainerPort) + "/" + first.Protocol
	if first.HostPort == 0 {
		return container
	}
	return hostAddress(first.HostIP) + ":" + span(first.HostPort, last.HostPort) + "->" + container
}

// hostAddress puts an IPv6 address in brackets; none means all of IPv4.
func hostAddress(ip string) string {
	switch {
	case ip == "":
		return "0.0.0.0"
	case strings.Contains(ip, ":"):
		return "[" + ip + "]"
	}
	return ip
}
