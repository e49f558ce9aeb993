package network

import (
	"errors"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// A view is what a container may know of names: those of its user networks, as
// the default one has no names. It follows the lease files.
type view struct {
	m       *Manager
	servers []string // asked for instead of the host's

	mu       sync.Mutex
	networks []*network         // guarded by mu; only their Info is used
	rosters  map[string]*roster // guarded by mu; by network id
	host     hostServers        // guarded by mu
}

// A roster is who is on a network, as of one state of its lease file.
type roster struct {
	stamp
	names map[string][]netip.Addr
	addrs map[netip.Addr][]string
}

// A stamp tells two states of a file apart.
type stamp struct {
	time time.Time
	size int64
	info os.FileInfo
}

type hostServers struct {
	stamp
	list []netip.AddrPort
}

// newer returns the stamp of a file and whether it differs from s.
func (s stamp) newer(path string) (stamp, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, s.info != nil || !errors.Is(err, fs.ErrNotExist)
	}
	now := stamp{time: info.ModTime(), size: info.Size(), info: info}
	return now, s.info == nil || !s.time.Equal(now.time) || s.size != now.size || !os.SameFile(s.info, info)
}

// follow makes the view one of the networks of places.
func (v *view) follow(places []*place) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.networks = nil
	for _, p := range places {
		v.networks = append(v.networks, p.net)
	}
}

// roster returns who is on n. The caller holds v.mu.
func (v *view) roster(n *network) *roster {
	old := v.rosters[n.Info.ID]
	if old == nil {
		old = &roster{}
	}
	now, changed := old.newer(v.m.leaseFile(n.Info.ID))
	if !changed {
		return old
	}
	j, err := readJournal(v.m.leaseFile(n.Info.ID))
	if err != nil {
		return old
	}
	r := newRoster(n.Info.Name, j.leases)
	r.stamp = now
	if v.rosters == nil {
		v.rosters = map[string]*roster{}
	}
	v.rosters[n.Info.ID] = r
	return r
}

const shortID = 12

func newRoster(network string, leases map[string]*lease) *roster {
	r := &roster{names: map[string][]netip.Addr{}, addrs: map[netip.Addr][]string{}}
	for _, id := range slices.Sorted(maps.Keys(leases)) {
		l := leases[id]
		own := []string{l.Name, id[:min(shortID, len(id))], l.Hostname}
		own = append(own, l.Aliases...)
		slices.Sort(own)
		for _, ip := range []string{l.Endpoint.IPv4, l.Endpoint.IPv6} {
			a, err := netip.ParseAddr(ip)
			if err != nil {
				continue
			}
			for _, name := range slices.Compact(own) {
				if name = strings.ToLower(name); name != "" {
					r.names[name] = append(r.names[name], a)
					qualified := name + "." + strings.ToLower(network)
					r.names[qualified] = append(r.names[qualified], a)
				}
			}
			name := l.Name
			if name == "" {
				name = id[:min(shortID, len(id))]
			}
			r.addrs[a] = append(r.addrs[a], name+"."+network)
		}
	}
	return r
}

// Lookup implements names.Zone: the first network that has the name answers.
func (v *view) Lookup(name string) ([]netip.Addr, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, n := range v.networks {
		if n.Info.Name == DefaultNetwork {
			continue
		}
		if list := v.roster(n).names[name]; len(list) > 0 {
			return list, true
		}
	}
	return nil, false
}

// Reverse implements names.Zone.
func (v *view) Reverse(a netip.Addr) ([]string, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, n := range v.networks {
		if n.Info.Name != DefaultNetwork && slices.ContainsFunc(n.subnets(), func(p netip.Prefix) bool { return p.Contains(a) }) {
			return v.roster(n).addrs[a], true
		}
	}
	return nil, false
}

// Upstream implements names.Zone. A container that is on internal networks
// only gets no word out by this way either.
func (v *view) Upstream() []netip.AddrPort {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !slices.ContainsFunc(v.networks, func(n *network) bool { return !n.Info.Internal }) {
		return nil
	}
	if len(v.servers) > 0 {
		return serverAddresses(v.servers)
	}
	if now, changed := v.host.newer(hostResolvConf); changed {
		dns, err := hostDNS()
		if err == nil {
			v.host = hostServers{stamp: now, list: serverAddresses(dns.Servers)}
		}
	}
	return v.host.list
}

func serverAddresses(servers []string) []netip.AddrPort {
	var list []netip.AddrPort
	for _, s := range servers {
		if a, err := netip.ParseAddr(s); err == nil {
			list = append(list, netip.AddrPortFrom(a, 53))
		}
	}
	return list
}
