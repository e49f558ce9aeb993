package compose

import (
	"maps"
	"slices"
	"strconv"

	"github.com/compose-spec/compose-go/v2/types"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// optionMTU is the driver option that sets a network's MTU.
const optionMTU = "com.docker.network.driver.mtu"

func (t *translator) network(key string, n types.NetworkConfig) plan.Network {
	p := t.problems().below("networks.%s", key)
	out := plan.Network{Key: key, External: bool(n.External)}
	out.Config.Name = n.Name
	if out.External {
		return out
	}
	out.Config.Driver, out.Config.Internal, out.Config.SharedVM = "bridge", n.Internal, t.shared
	switch n.Driver {
	case "", "default", "bridge":
	default:
		p.add("driver", "networks of a project have the driver bridge; make a %s network with `vz network create` and name it as external", n.Driver)
	}
	for _, k := range slices.Sorted(maps.Keys(n.DriverOpts)) {
		mtu, err := strconv.Atoi(n.DriverOpts[k])
		switch {
		case k != optionMTU && k != "mtu":
			p.add("driver_opts", "%s: the only option of a bridge is %s", k, optionMTU)
		case err != nil || mtu < 68 || mtu > 65535:
			p.add("driver_opts", "%s: %q is no MTU from 68 to 65535", k, n.DriverOpts[k])
		default:
			out.Config.MTU = mtu
		}
	}
	t.ipam(p.below("ipam"), n.Ipam, &out.Config)
	if n.EnableIPv4 != nil && !*n.EnableIPv4 {
		p.add("enable_ipv4", "a network without IPv4 does not exist here")
	}
	out.Config.IPv6 = n.EnableIPv6 != nil && *n.EnableIPv6
	out.Config.Labels = t.projectLabels(plan.LabelNetwork, key, n.Labels)
	out.Hash = hashOf(out.Config)
	out.Config.Labels[plan.LabelConfigured], out.Config.Labels[plan.LabelVersion] = out.Hash, plan.ComposeVersion
	return out
}

func (t *translator) ipam(p problems, ipam types.IPAMConfig, out *vzcontract.NetworkConfig) {
	if ipam.Driver != "" && ipam.Driver != "default" {
		p.add("driver", "addresses are given out by vz itself; leave it out or say default")
	}
	if len(ipam.Options) > 0 {
		p.add("options", "vz's address pool has no options")
	}
	for i, pool := range ipam.Config {
		if pool.Subnet == "" && (pool.Gateway != "" || pool.IPRange != "") {
			p.add("config", "[%d]: a gateway or ip_range needs its subnet", i)
			continue
		}
		if pool.Subnet != "" {
			out.Subnets = append(out.Subnets, pool.Subnet)
		}
		if pool.Gateway != "" {
			out.Gateways = append(out.Gateways, pool.Gateway)
		}
		if pool.IPRange != "" {
			out.Ranges = append(out.Ranges, pool.IPRange)
		}
		if len(pool.AuxiliaryAddresses) > 0 {
			p.add("config[].aux_addresses", "addresses cannot be set aside; narrow ip_range instead")
		}
	}
}

func (t *translator) volume(key string, v types.VolumeConfig) plan.Volume {
	p := t.problems().below("volumes.%s", key)
	out := plan.Volume{Key: key, External: bool(v.External)}
	out.Config.Name = v.Name
	if out.External {
		return out
	}
	if v.Driver != "" && v.Driver != "local" && v.Driver != "default" {
		p.add("driver", "the only driver is local, not %s", v.Driver)
	}
	out.Config.Driver, out.Config.Options = "local", map[string]string(v.DriverOpts)
	out.Config.Labels = t.projectLabels(plan.LabelVolume, key, v.Labels)
	out.Hash = hashOf(out.Config)
	out.Config.Labels[plan.LabelConfigured], out.Config.Labels[plan.LabelVersion] = out.Hash, plan.ComposeVersion
	return out
}
