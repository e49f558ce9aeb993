package conformance

import (
	"net/netip"
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

var networkChecks = []check{
	{name: "network-crud", feature: vzcontract.FeatureNetworks, run: networkCRUD},
	{name: "network-default", feature: vzcontract.FeatureNetworks, run: networkDefault},
	{name: "network-own", feature: vzcontract.FeatureNetworks, run: networkOwn},
	{name: "network-configured", feature: vzcontract.FeatureNetworks, run: networkConfigured},
	{name: "network-connect", feature: vzcontract.FeatureNetworks, run: networkConnect},
	{name: "network-ports", feature: vzcontract.FeatureNetworks, run: networkPorts},
	{name: "network-egress", run: networkEgress},
	{name: "network-egress-invalid", run: networkEgressInvalid},
}

func (e *env) networks() vzcontract.Networks { return e.b.(vzcontract.Networks) }

// ownNetwork makes a network, or skips where only the default one exists.
func (e *env) ownNetwork(name string) vzcontract.NetworkInfo {
	e.Helper()
	n, err := e.networks().CreateNetwork(e.ctx, vzcontract.NetworkConfig{Name: name, Subnets: []string{"10.213.7.0/24"}})
	if vzcontract.CodeOf(err) == vzcontract.CodeUnsupported {
		e.Skip(err.Error())
	}
	if err != nil {
		e.Fatal(err)
	}
	return n
}

func networkCRUD(e *env) {
	n := e.networks()
	_, err := n.InspectNetwork(e.ctx, "nothing")
	e.wantClass("inspect of a missing network", err, vzcontract.ErrNotFound)
	e.wantClass("removal of a missing network", n.RemoveNetwork(e.ctx, "nothing"), vzcontract.ErrNotFound)
	cfg := e.config("true")
	cfg.NetworkMode = "nothing"
	_, err = e.b.Create(e.ctx, cfg)
	e.wantClass("create on a missing network", err, vzcontract.ErrNotFound)
	made := e.ownNetwork("net")
	if made.Name != "net" || made.ID == "" || !equal(made.Subnets, []string{"10.213.7.0/24"}) {
		e.Errorf("create = %+v", made)
	}
	for what, cfg := range map[string]vzcontract.NetworkConfig{
		"a name in use":           {Name: "net"},
		"an overlapping subnet":   {Name: "other", Subnets: []string{"10.213.0.0/16"}},
		"an invalid name":         {Name: "a/b"},
		"a subnet that is no one": {Name: "other", Subnets: []string{"10.213.8.0"}},
	} {
		_, err := n.CreateNetwork(e.ctx, cfg)
		class := vzcontract.ErrConflict
		if strings.HasPrefix(what, "an invalid") || strings.HasPrefix(what, "a subnet") {
			class = vzcontract.ErrValidation
		}
		e.wantClass("network with "+what, err, class)
	}
	list, err := n.ListNetworks(e.ctx)
	if err != nil || !slices.ContainsFunc(list, func(i vzcontract.NetworkInfo) bool { return i.ID == made.ID }) {
		e.Errorf("list = %+v, %v", list, err)
	}
	if err := n.RemoveNetwork(e.ctx, "net"); err != nil {
		e.Errorf("remove: %v", err)
	}
}

// networkDefault gives each container an address of its own while it runs.
func networkDefault(e *env) {
	cfg := e.config(untilKilled...)
	cfg.NetworkMode = ""
	seen := map[string]bool{}
	var ids []string
	for range 3 {
		info := e.start(cfg)
		ids = append(ids, info.ID)
		if len(info.Networks) != 1 {
			e.Fatalf("networks = %+v, want one", info.Networks)
		}
		at := info.Networks[0]
		addr, err := netip.ParseAddr(at.IPv4)
		if err != nil || seen[at.IPv4] || at.Gateway4 == "" || at.Interface == "" || at.IPv4Prefix == 0 {
			e.Errorf("endpoint = %+v, %v", at, err)
		}
		seen[addr.String()] = true
	}
	e.kill(ids[0])
	if got := e.inspect(ids[0]).Networks; slices.ContainsFunc(got, func(at vzcontract.NetworkEndpoint) bool { return at.IPv4 != "" }) {
		e.Errorf("a stopped container keeps %+v", got)
	}
	none := e.start(e.config(untilKilled...))
	if slices.ContainsFunc(none.Networks, func(at vzcontract.NetworkEndpoint) bool { return at.IPv4 != "" }) {
		e.Errorf("a container without a network has %+v", none.Networks)
	}
}

func networkOwn(e *env) {
	n := e.ownNetwork("net")
	cfg := e.config(untilKilled...)
	cfg.NetworkMode = "net"
	cfg.Networks = []vzcontract.NetworkAttach{{Network: "net", IPv4: "10.213.7.77", Aliases: []string{"db"}}}
	info := e.start(cfg)
	if len(info.Networks) != 1 || info.Networks[0].IPv4 != "10.213.7.77" || info.Networks[0].NetworkID != n.ID {
		e.Errorf("networks = %+v, want 10.213.7.77 on net", info.Networks)
	}
	if got, err := e.networks().InspectNetwork(e.ctx, "net"); err != nil || got.Containers[info.ID].IPv4 != "10.213.7.77" {
		e.Errorf("inspect = %+v, %v", got.Containers, err)
	}
	e.wantClass("removal of a network in use", e.networks().RemoveNetwork(e.ctx, "net"), vzcontract.ErrConflict)
	again, err := e.b.Create(e.ctx, cfg)
	if err == nil {
		_, err = e.b.Start(e.ctx, again.ID, vzcontract.StartOptions{})
	}
	e.wantClass("an address in use", err, vzcontract.ErrConflict)
	cfg.Networks[0].IPv4 = "192.0.2.1"
	again, err = e.b.Create(e.ctx, cfg)
	if err == nil {
		_, err = e.b.Start(e.ctx, again.ID, vzcontract.StartOptions{})
	}
	e.wantClass("an address of another subnet", err, vzcontract.ErrValidation)
}

// networkConfigured lists the networks of a container that does not run, without addresses
// and without standing in the way of their removal.
func networkConfigured(e *env) {
	n := e.ownNetwork("net")
	cfg := e.config(untilKilled...)
	cfg.NetworkMode = n.ID
	info := e.create(cfg)
	check := func(when string, want ...string) {
		e.Helper()
		var got []string
		for _, at := range e.inspect(info.ID).Networks {
			got = append(got, at.Network)
			if at.IPv4 != "" || at.Interface != "" {
				e.Errorf("%s: the container has %+v", when, at)
			}
		}
		if !equal(got, want) {
			e.Errorf("%s: the container is on %q, want %q", when, got, want)
		}
	}
	check("created", "net")
	if _, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{}); err != nil {
		e.Fatal(err)
	}
	e.kill(info.ID)
	check("stopped", "net")
	if err := e.networks().ConnectNetwork(e.ctx, info.ID, vzcontract.NetworkAttach{Network: "bridge"}); err == nil {
		check("connected", "net", "bridge")
	} else if vzcontract.CodeOf(err) != vzcontract.CodeUnsupported {
		e.Error(err)
	}
	if err := e.networks().DisconnectNetwork(e.ctx, info.ID, "net"); err != nil {
		e.Error(err)
	}
	if err := e.networks().ConnectNetwork(e.ctx, info.ID, vzcontract.NetworkAttach{Network: "net", Aliases: []string{"again"}}); err != nil {
		e.Error(err)
	}
	again := func(at vzcontract.NetworkEndpoint) bool {
		return at.Network == "net" && slices.Contains(at.Aliases, "again")
	}
	if got := e.inspect(info.ID).Networks; !slices.ContainsFunc(got, again) {
		e.Errorf("the network that was joined again is not with its new alias among %+v", got)
	}
	if got, err := e.networks().InspectNetwork(e.ctx, "net"); err != nil || len(got.Containers) != 0 {
		e.Errorf("a stopped container is on the network: %+v, %v", got.Containers, err)
	}
	if err := e.networks().RemoveNetwork(e.ctx, "net"); err != nil {
		e.Errorf("removal of the network of a stopped container: %v", err)
	}
	cfg.NetworkMode = "host"
	if host, err := e.b.Create(e.ctx, cfg); err == nil {
		err := e.networks().ConnectNetwork(e.ctx, host.ID, vzcontract.NetworkAttach{Network: "bridge"})
		e.wantClass("connect of a container with the host's network", err, vzcontract.ErrConflict)
	}
}

func networkConnect(e *env) {
	e.ownNetwork("net")
	info := e.running()
	if err := e.networks().ConnectNetwork(e.ctx, info.ID, vzcontract.NetworkAttach{Network: "net"}); err != nil {
		if vzcontract.CodeOf(err) == vzcontract.CodeUnsupported {
			e.Skip(err.Error())
		}
		e.Fatal(err)
	}
	on := func() bool {
		return slices.ContainsFunc(e.inspect(info.ID).Networks, func(at vzcontract.NetworkEndpoint) bool { return at.Network == "net" })
	}
	if !on() {
		e.Error("the connected container is not on the network")
	}
	e.wantClass("second connect", e.networks().ConnectNetwork(e.ctx, info.ID, vzcontract.NetworkAttach{Network: "net"}), vzcontract.ErrConflict)
	if err := e.networks().DisconnectNetwork(e.ctx, info.ID, "net"); err != nil {
		e.Fatal(err)
	}
	if on() {
		e.Error("the disconnected container is still on the network")
	}
	e.wantClass("second disconnect", e.networks().DisconnectNetwork(e.ctx, info.ID, "net"), vzcontract.ErrConflict)
}

func networkPorts(e *env) {
	cfg := e.config(untilKilled...)
	cfg.NetworkMode = ""
	cfg.Ports = []vzcontract.PortMapping{
		{HostIP: "127.0.0.1", ContainerPort: 80, Protocol: "tcp"}, {HostIP: "127.0.0.1", ContainerPort: 53, Protocol: "udp"},
	}
	info := e.start(cfg)
	if len(info.Ports) != 2 || info.Ports[0].HostPort == 0 || info.Ports[0].ContainerPort != 80 || info.Ports[1].Protocol != "udp" {
		e.Fatalf("ports = %+v", info.Ports)
	}
	cfg.Ports = cfg.Ports[:1]
	cfg.Ports[0].HostPort = info.Ports[0].HostPort
	second := e.create(cfg)
	_, err := e.b.Start(e.ctx, second.ID, vzcontract.StartOptions{})
	e.wantClass("a host port in use", err, vzcontract.ErrConflict)
	e.wantState(second.ID, vzcontract.StateCreated)
	e.kill(info.ID)
	if _, err := e.b.Start(e.ctx, second.ID, vzcontract.StartOptions{}); err != nil {
		e.Errorf("the port of a stopped container is not free: %v", err)
	}
}

// networkEgress has a policy that lets nothing be reached: it is held, after a restart
// too, or the container is refused.
func networkEgress(e *env) {
	cfg := e.config(untilKilled...)
	cfg.NetworkMode, cfg.Egress = "", &vzcontract.EgressPolicy{}
	info, err := e.b.Create(e.ctx, cfg)
	if vzcontract.CodeOf(err) == vzcontract.CodeUnsupported {
		e.Skip(err.Error())
	}
	if err != nil {
		e.Fatal(err)
	}
	if _, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{}); err != nil {
		e.Fatal(err)
	}
	if info = e.inspect(info.ID); info.Config.Egress == nil || len(info.Config.Egress.Allow) != 0 || len(info.Networks) != 1 {
		e.Fatalf("inspect = policy %+v, networks %+v, want an empty policy and one network", info.Config.Egress, info.Networks)
	}
	cfg.Egress = nil
	free := e.start(cfg)
	ping := vzcontract.ExecConfig{Args: []string{"sh", "-c", "busybox ping -c 1 -W 1 " + free.Networks[0].Gateway4}}
	if got := e.exec(free.ID, ping); got.exit.Code != 0 {
		e.Skipf("containers cannot ping their gateway to show what a policy refuses: %+v", got)
	}
	for range 2 {
		if got := e.exec(info.ID, ping); got.exit.Code == 0 {
			e.Error("a container that may reach nothing reaches its gateway")
		}
		e.kill(info.ID)
		if _, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{}); err != nil {
			e.Fatal(err)
		}
	}
}

// networkEgressInvalid gives policies that are wrong, or have no network to hold on.
func networkEgressInvalid(e *env) {
	for _, cfg := range []vzcontract.RunConfig{
		{Egress: &vzcontract.EgressPolicy{Allow: []string{"a b"}}},
		{Egress: &vzcontract.EgressPolicy{Allow: []string{"169.254.169.254"}}},
		{Egress: &vzcontract.EgressPolicy{}, NetworkMode: "host"},
	} {
		with := e.config("true")
		with.NetworkMode, with.Egress = cfg.NetworkMode, cfg.Egress
		_, err := e.b.Create(e.ctx, with)
		e.wantClass("create with a wrong egress policy", err, vzcontract.ErrValidation)
	}
}
