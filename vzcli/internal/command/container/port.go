package container

import (
	"cmp"
	"net"
	"strconv"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

type port struct {
	Container string `arg:"" help:"Container."`
	Port      string `arg:"" optional:"" help:"Show only where this port is published: 80 or 80/udp."`
}

// Run implements command.Verb.
func (c *port) Run(env *command.Env) error {
	number, protocol, _ := strings.Cut(c.Port, "/")
	if protocol == "" {
		protocol = "tcp"
	}
	if _, err := strconv.ParseUint(number, 10, 16); c.Port != "" && err != nil {
		return command.Usagef("port %s: want a port such as 80 or 80/udp", c.Port)
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	info, err := s.Backend.Inspect(env.Ctx, c.Container)
	if err != nil {
		return err
	}
	found := false
	for _, p := range info.Ports {
		if p.HostPort == 0 {
			continue
		}
		line := net.JoinHostPort(cmp.Or(p.HostIP, "0.0.0.0"), strconv.Itoa(int(p.HostPort)))
		if c.Port == "" {
			line = strconv.Itoa(int(p.ContainerPort)) + "/" + p.Protocol + " -> " + line
		} else if strconv.Itoa(int(p.ContainerPort)) != number || p.Protocol != protocol {
			continue
		}
		found = true
		if err := command.PrintLine(env, line); err != nil {
			return err
		}
	}
	if c.Port != "" && !found {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "container %s: port %s/%s is not published", c.Container, number, protocol)
	}
	return nil
}
