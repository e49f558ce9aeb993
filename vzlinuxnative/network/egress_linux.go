package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/nft"
)

// Bounds of what a container's questions for names may make.
const (
	maxPins = 1024
	minPin  = time.Minute
	pinSlop = 30 * time.Second // between the end of an answer and that of its pin
)

// An egress is the policy of a container at work. It implements names.Guard.
type egress struct {
	m     *Manager
	table *nft.Table
	rules []vzcontract.EgressRule

	mu     sync.Mutex
	places []*place              // guarded by mu; those that have rules
	pins   map[reached]time.Time // guarded by mu; when they end
	events *nl.NetlinkSocket     // guarded by mu; nil before there are rules, and after
	watch  sync.WaitGroup        // of who reads events
}

// reached is what a name has opened: an address and a port, 0 for all.
type reached struct {
	addr     netip.Addr
	protocol byte
	port     uint16
	near     bool
}

// CanPolice tells why this host cannot hold a container to an egress policy; nil if it
// can as far as is known. It matches vzcontract.ErrUnsupported.
func (m *Manager) CanPolice() error {
	if err := m.inside(nft.Available); err != nil {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "egress policy: this kernel has no nftables to enforce it with: %w", err)
	}
	return nil
}

func (m *Manager) newEgress(policy *vzcontract.EgressPolicy) (*egress, error) {
	if policy == nil {
		return nil, nil
	}
	rules, err := policy.Rules()
	if err == nil {
		err = m.CanPolice()
	}
	if err != nil {
		return nil, err
	}
	return &egress{m: m, table: m.table, rules: rules, pins: map[reached]time.Time{}}, nil
}

// allowed are the ranges of addresses in the policy.
func (e *egress) allowed() []nft.Allowed {
	var all []nft.Allowed
	for _, r := range e.rules {
		if r.Prefix.IsValid() {
			all = append(all, nft.Allowed{To: r.Prefix, Protocol: ruleProtocol(r), Port: r.Port})
		}
	}
	return all
}

func ruleProtocol(r vzcontract.EgressRule) byte {
	if r.Protocol == "" {
		return 0
	}
	return protocolNumber(r.Protocol)
}

// endpoint is a container's place as the rules see it.
func (p *place) endpoint() nft.Endpoint {
	at := p.lease.Endpoint
	e := nft.Endpoint{Device: p.lease.Link, Bridge: p.net.Info.Interface}
	e.MAC, _ = net.ParseMAC(at.MACAddress)
	for _, a := range []struct {
		ip   string
		bits int
		to   *netip.Prefix
	}{{at.IPv4, at.IPv4Prefix, &e.IPv4}, {at.IPv6, at.IPv6Prefix, &e.IPv6}} {
		if ip, err := netip.ParseAddr(a.ip); err == nil {
			*a.to = netip.PrefixFrom(ip, a.bits)
		}
	}
	return e
}

// police makes the rules of a place whose port is on no bridge yet, and watches over
// them.
func (e *egress) police(p *place, port net.HardwareAddr) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.listen(); err != nil {
		return fmt.Errorf("egress policy: %w", err)
	}
	if err := e.install(p, port); err != nil {
		return err
	}
	e.places = append(e.places, p)
	return nil
}

// install makes the rules of a place, and lets what names have opened be reached from
// it. The caller holds e.mu.
func (e *egress) install(p *place, port net.HardwareAddr) error {
	if err := e.table.PrepareEgress(vzcontract.NeverEgress()); err != nil {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "egress policy: this kernel cannot enforce it: %w", err)
	}
	end := p.endpoint()
	end.Port = port
	// What the kernel remembers of who had the addresses before would pass.
	forgotten := make(chan error)
	go func() { forgotten <- e.m.forgetConnections(end) }()
	err := e.table.Police(end, e.allowed())
	if err := errors.Join(err, <-forgotten); err != nil {
		return fmt.Errorf("egress policy: %w", err)
	}
	var pins []nft.Pin
	now := time.Now()
	for r, ends := range e.pins {
		if left := ends.Sub(now); left > 0 {
			pins = append(pins, r.pins([]*place{p}, left)...)
		}
	}
	return e.table.Pin(pins)
}

// release forgets a place. Its rules are removed with its lease.
func (e *egress) release(p *place) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.places = slices.DeleteFunc(e.places, func(o *place) bool { return o == p })
}

// forgetConnections ends what the kernel remembers of connections from and to the
// addresses of an endpoint. It goes through all that the host remembers, which takes
// milliseconds; both families at once.
func (m *Manager) forgetConnections(e nft.Endpoint) error {
	var work sync.WaitGroup
	errs := make([]error, 2)
	for i, p := range []netip.Prefix{e.IPv4, e.IPv6} {
		if p.IsValid() {
			work.Go(func() { errs[i] = m.inside(func() error { return forgetAddress(p.Addr()) }) })
		}
	}
	work.Wait()
	return errors.Join(errs...)
}

func forgetAddress(a netip.Addr) error {
	family := netlink.InetFamily(unix.AF_INET)
	if a.Is6() {
		family = unix.AF_INET6
	}
	from, to := &netlink.ConntrackFilter{}, &netlink.ConntrackFilter{}
	if err := errors.Join(from.AddIP(netlink.ConntrackOrigSrcIP, a.AsSlice()), to.AddIP(netlink.ConntrackReplySrcIP, a.AsSlice())); err != nil {
		return err
	}
	if _, err := whole(func() (uint, error) { return netlink.ConntrackDeleteFilters(netlink.ConntrackTable, family, from, to) }); err != nil {
		return fmt.Errorf("forget connections of %s: %w", a, err)
	}
	return nil
}

// unpolice removes the rules of places that have some.
func (m *Manager) unpolice(places []*place) error {
	var err error
	for _, p := range places {
		if p.lease.Policed {
			err = errors.Join(err, ignoreMissingNFT(m.table.Unpolice(p.endpoint())))
		}
	}
	return err
}

// Allows implements names.Guard.
func (e *egress) Allows(name string) bool {
	return slices.ContainsFunc(e.rules, func(r vzcontract.EgressRule) bool { return ruleNames(r, name) })
}

func ruleNames(r vzcontract.EgressRule, name string) bool {
	if r.Below {
		return strings.HasSuffix(name, "."+r.Name)
	}
	return r.Name != "" && r.Name == name
}

// Open implements names.Guard.
func (e *egress) Open(name string, addresses []netip.Addr, ttl time.Duration, own bool) ([]netip.Addr, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	valid := max(ttl, minPin)
	var known []netip.Addr
	fresh := map[reached]bool{} // whether it is open already
	for _, a := range addresses {
		switch {
		case contains(never, a):
			continue
		case !own && (contains(private, a) || e.near(a) || e.m.isLocal(a)):
			if !slices.ContainsFunc(e.rules, func(r vzcontract.EgressRule) bool { return r.Prefix.IsValid() && r.Prefix.Contains(a) }) {
				continue
			}
			known = append(known, a) // the range alone says what may be reached there
			continue
		}
		known = append(known, a)
		for _, r := range e.rules {
			key := reached{addr: a, protocol: ruleProtocol(r), port: r.Port, near: e.near(a)}
			if ends := e.pins[key]; ruleNames(r, name) && ends.Before(now.Add(valid)) {
				fresh[key] = ends.After(now)
			}
		}
	}
	if len(fresh) == 0 {
		return known, nil
	}
	for key, ends := range e.pins {
		if ends.Before(now) {
			delete(e.pins, key)
		}
	}
	more := 0
	var pins, again []nft.Pin
	for key, open := range fresh {
		if open {
			again = append(again, key.pins(e.places, valid+pinSlop)...)
		} else {
			more++
			pins = append(pins, key.pins(e.places, valid+pinSlop)...)
		}
	}
	if len(e.pins)+more > maxPins {
		return nil, vzcontract.Errorf(vzcontract.ErrConflict, "the container has asked for more than %d addresses", maxPins)
	}
	if err := e.m.inside(func() error { return errors.Join(e.table.Pin(pins), e.table.Repin(again)) }); err != nil {
		return nil, err
	}
	for key := range fresh {
		e.pins[key] = now.Add(valid + pinSlop)
	}
	return known, nil
}

// near tells whether an address is on a network of the container. The caller holds
// e.mu.
func (e *egress) near(a netip.Addr) bool {
	return slices.ContainsFunc(e.places, func(p *place) bool {
		end := p.endpoint()
		return end.IPv4.Masked().Contains(a) || end.IPv6.Masked().Contains(a)
	})
}

// pins are those that let places reach r.
func (r reached) pins(places []*place, timeout time.Duration) []nft.Pin {
	var all []nft.Pin
	protocols := []byte{r.protocol}
	if r.port != 0 && r.protocol == 0 {
		protocols = []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP}
	}
	for _, p := range places {
		end := p.endpoint()
		from := end.IPv4
		if r.addr.Is6() {
			from = end.IPv6
		}
		if !from.IsValid() {
			continue
		}
		for _, protocol := range protocols {
			all = append(all, nft.Pin{From: from.Addr(), To: r.addr, Protocol: protocol, Port: r.port, Near: r.near, Timeout: timeout})
		}
	}
	return all
}

// reaches tells whether the container may connect to an address by TCP, for what
// connects in its stead.
func (e *egress) reaches(to netip.AddrPort) bool {
	if e == nil {
		return true
	}
	a := to.Addr().Unmap()
	if contains(never, a) {
		return false
	}
	byTCP := func(protocol byte, port uint16) bool {
		return (port == 0 || port == to.Port()) && (protocol == 0 || protocol == unix.IPPROTO_TCP)
	}
	if slices.ContainsFunc(e.allowed(), func(r nft.Allowed) bool { return r.To.Contains(a) && byTCP(r.Protocol, r.Port) }) {
		return true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	for r, ends := range e.pins {
		if r.addr == a && byTCP(r.protocol, r.port) && ends.After(now) {
			return true
		}
	}
	return false
}

// never and private are what a name may not stand for: private also what only the
// operator of the host's networks should give out.
var (
	never   = vzcontract.NeverEgress()
	private = func() []netip.Prefix {
		var all []netip.Prefix
		for _, s := range strings.Fields(`10.0.0.0/8 100.64.0.0/10 172.16.0.0/12 192.168.0.0/16 192.0.0.0/24 198.18.0.0/15
			fc00::/7 fec0::/10 64:ff9b:1::/48
			64:ff9b::10.0.0.0/104 64:ff9b::100.64.0.0/106 64:ff9b::172.16.0.0/108 64:ff9b::192.168.0.0/112
			2002:a00::/24 2002:6440::/26 2002:ac10::/28 2002:c0a8::/32`) {
			all = append(all, netip.MustParsePrefix(s))
		}
		return all
	}()
)

func contains(all []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Contains(a) })
}

// isLocal tells whether an address is the host's own, or the session's.
func (m *Manager) isLocal(a netip.Addr) (local bool) {
	look := func() error {
		local = local || isLocalHere(a)
		return nil
	}
	if m.apart() {
		_ = m.inside(look)
	}
	_ = m.outside(look)
	return local
}

func isLocalHere(a netip.Addr) bool {
	routes, err := netlink.RouteGet(a.AsSlice())
	return err == nil && len(routes) > 0 && routes[0].Type != unix.RTN_UNICAST
}
