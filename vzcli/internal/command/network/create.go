package network

import (
	"fmt"
	"net/netip"
	"strconv"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/runflags"
	"vz.internal/vzcontract"
)

type create struct {
	Name       string   `arg:"" help:"Name."`
	Driver     string   `short:"d" default:"bridge" help:"Driver: bridge."`
	Gateway    []string `placeholder:"IP" help:"Address of the host on the network."`
	Internal   bool     `help:"No way out of the network."`
	IPRange    []string `name:"ip-range" placeholder:"CIDR" help:"Part of the subnet to give addresses from."`
	IPv4       bool     `name:"ipv4" default:"true" negatable:"" hidden:"" help:"Networks always have IPv4."`
	IPv6       bool     `name:"ipv6" help:"Give IPv6 addresses too."`
	Label      []string `sep:"none" placeholder:"KEY[=VALUE]" help:"Set a label."`
	Opt        []string `short:"o" sep:"none" placeholder:"KEY=VALUE" help:"Option of the driver."`
	Subnet     []string `placeholder:"CIDR" help:"Addresses of the network."`
	Attachable bool     `hidden:"" help:"Accepted: every network is."`

	AuxAddress []string `hidden:"" sep:"none" help:"Refused."`
	ConfigFrom string   `hidden:"" help:"Refused."`
	ConfigOnly bool     `hidden:"" help:"Refused."`
	Ingress    bool     `hidden:"" help:"Refused."`
	IPAMDriver string   `name:"ipam-driver" hidden:"" default:"default" help:"Refused but for default."`
	IPAMOpt    []string `name:"ipam-opt" hidden:"" sep:"none" help:"Refused."`
	Scope      string   `hidden:"" help:"Refused but for local."`
}

func (c *create) refuse() error {
	for _, f := range []struct {
		set       bool
		flag, why string
	}{
		{len(c.AuxAddress) > 0, "aux-address", "narrow the range with --ip-range to keep addresses free"},
		{c.ConfigFrom != "", "config-from", "vz has no configuration-only networks"},
		{c.ConfigOnly, "config-only", "vz has no configuration-only networks"},
		{c.Ingress, "ingress", "vz has no Swarm"},
		{c.IPAMDriver != "default", "ipam-driver", "addresses are always given by vz itself"},
		{len(c.IPAMOpt) > 0, "ipam-opt", "addresses are always given by vz itself"},
		{c.Scope != "" && c.Scope != "local", "scope", "networks are of this host"},
		{!c.IPv4, "ipv4", "networks always have IPv4"},
	} {
		if f.set {
			return vzcontract.Errorf(vzcontract.ErrUnsupported, "--%s: %s", f.flag, f.why)
		}
	}
	return nil
}

// Run implements command.Verb.
func (c *create) Run(env *command.Env) error {
	if err := c.refuse(); err != nil {
		return err
	}
	cfg := vzcontract.NetworkConfig{
		Name: c.Name, Driver: c.Driver, Subnets: c.Subnet, Gateways: c.Gateway, Ranges: c.IPRange, IPv6: c.IPv6, Internal: c.Internal,
	}
	for _, list := range []struct {
		flag   string
		values []string
	}{{"subnet", c.Subnet}, {"ip-range", c.IPRange}} {
		for _, v := range list.values {
			if _, err := netip.ParsePrefix(v); err != nil {
				return command.Usagef("--%s %s: want addresses such as 10.9.0.0/24", list.flag, v)
			}
		}
	}
	for _, ip := range c.Gateway {
		if _, err := netip.ParseAddr(ip); err != nil {
			return command.Usagef("--gateway %s: want an IP address", ip)
		}
	}
	var err error
	if cfg.Labels, err = runflags.Labels(c.Label); err != nil {
		return err
	}
	if cfg.Options, err = command.KeyValues("opt", c.Opt); err != nil {
		return err
	}
	for _, key := range []string{"mtu", "com.docker.network.driver.mtu"} {
		value, ok := cfg.Options[key]
		if !ok {
			continue
		}
		if cfg.MTU, err = strconv.Atoi(value); err != nil || cfg.MTU < 68 || cfg.MTU > 65535 {
			return command.Usagef("--opt %s=%s: want a number from 68 to 65535", key, value)
		}
		delete(cfg.Options, key)
	}
	_, n, err := open(env)
	if err != nil {
		return err
	}
	info, err := n.CreateNetwork(env.Ctx, cfg)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.Stdout, info.ID)
	return err
}
