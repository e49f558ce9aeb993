package network

import (
	"errors"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/runflags"
	"vz.internal/vzcontract"
)

type connect struct {
	Network     string   `arg:"" help:"Network."`
	Container   string   `arg:"" help:"Container."`
	Alias       []string `placeholder:"NAME" help:"Further name on the network."`
	DriverOpt   []string `sep:"none" placeholder:"KEY=VALUE" help:"Option of the driver."`
	GwPriority  int      `hidden:"" help:"Refused."`
	IP          string   `name:"ip" help:"IPv4 address."`
	IP6         string   `name:"ip6" help:"IPv6 address."`
	Link        []string `hidden:"" sep:"none" help:"Refused."`
	LinkLocalIP []string `name:"link-local-ip" placeholder:"IP" help:"Link-local address."`
}

// Run implements command.Verb.
func (c *connect) Run(env *command.Env) error {
	switch {
	case c.GwPriority != 0:
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "--gw-priority: the first network is the default route")
	case len(c.Link) > 0:
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "--link: vz has no links; use --alias")
	}
	fields := []string{"name=" + c.Network}
	for key, value := range map[string]string{"ip": c.IP, "ip6": c.IP6} {
		if value != "" {
			fields = append(fields, key+"="+value)
		}
	}
	at, err := runflags.ParseNetwork("network", strings.Join(fields, ","))
	if err != nil {
		return err
	}
	if at.Options, err = command.KeyValues("driver-opt", c.DriverOpt); err != nil {
		return err
	}
	at.Aliases, at.LinkLocal = c.Alias, c.LinkLocalIP
	if err := runflags.CheckAliases("alias", at); err != nil {
		return err
	}
	_, n, err := open(env)
	if err != nil {
		return err
	}
	return n.ConnectNetwork(env.Ctx, c.Container, at)
}

type disconnect struct {
	Network   string `arg:"" help:"Network."`
	Container string `arg:"" help:"Container."`
	Force     bool   `short:"f" help:"Ignore a container that is not connected."`
}

// Run implements command.Verb.
func (c *disconnect) Run(env *command.Env) error {
	_, n, err := open(env)
	if err != nil {
		return err
	}
	err = n.DisconnectNetwork(env.Ctx, c.Container, c.Network)
	if c.Force && errors.Is(err, vzcontract.ErrNotFound) {
		return nil
	}
	return err
}
