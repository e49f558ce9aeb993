package nft

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// An Endpoint is a port of a bridge behind which a container may reach but a few
// addresses. Its rules are in tables of their own, which installations without such
// containers do not have.
//
// They are in two places. What comes out of the port is looked at as it enters the
// host (family netdev): frames with another hardware or IP address than the
// container's, and all that is neither IP, ARP nor the discovery of neighbours, are
// dropped. What is left over goes to the host's own stack, whatever hardware address
// it was sent to, but for what may go to a neighbour on the bridge. There (family inet),
// by the address that is certain now, connections are looked at before anything else
// is done with them.
type Endpoint struct {
	Device string // the port
	Bridge string
	MAC    net.HardwareAddr // of the container
	Port   net.HardwareAddr // of Device
	// IPv4 and IPv6 are the container's addresses with the length of their subnets';
	// either may be invalid.
	IPv4, IPv6 netip.Prefix
}

// An Allowed is what may be reached. Port 0 stands for all of TCP and UDP, and ping.
type Allowed struct {
	To       netip.Prefix
	Protocol byte
	Port     uint16
}

// A Pin is what may be reached for a time.
type Pin struct {
	From     netip.Addr
	To       netip.Addr
	Protocol byte
	Port     uint16 // 0 as in Allowed
	// Near: To is on the bridge. Where the kernel has frames inside a bridge pass the
	// rules of IP (br_netfilter), they are judged in both places.
	Near    bool
	Timeout time.Duration
}

func (t *Table) egress(family nftables.TableFamily) *nftables.Table {
	return &nftables.Table{Family: family, Name: t.name + "-egress"}
}

var egressFamilies = []nftables.TableFamily{nftables.TableFamilyINet, nftables.TableFamilyNetdev}

// The sets and maps of the tables of egress, each for IPv4 and IPv6.
const (
	policed = "policed" // bridge, container; family inet alone
	static  = "static"  // container to its chain; family inet alone
	never   = "never"   // what nobody may reach; family inet alone
	pinHost = "host"    // container, address
	pinPort = "port"    // container, address, protocol, port
)

// ipVersion is what rules of one version of IP need to know.
type ipVersion struct {
	suffix           string
	typ              nftables.SetDatatype
	match            func() []expr.Any
	etherType        []byte
	source, dest     uint32
	size             uint32
	second           uint32 // the register after one address
	third, fourth    uint32 // those after two
	icmp, echo, pong byte
	fragment         []expr.Any // matches a part of a packet, in family netdev
}

var (
	ip4 = ipVersion{"4", nftables.TypeIPAddr, v4, []byte{0x08, 0x00}, 12, 16, 4, word1, word1 + 1, word1 + 2, unix.IPPROTO_ICMP, 8, 0, []expr.Any{
		network(reg, 6, 2), &expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: 2, Mask: []byte{0x3f, 0xff}, Xor: []byte{0, 0}},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: reg, Data: []byte{0, 0}},
	}}
	ip6 = ipVersion{"6", nftables.TypeIP6Addr, v6, []byte{0x86, 0xdd}, 8, 24, 16, word4, word8, word9, unix.IPPROTO_ICMPV6, 128, 129, bytesAt(6, expr.CmpOpEq, []byte{unix.IPPROTO_FRAGMENT})}
)

func version(a netip.Addr) ipVersion {
	if a.Is4() {
		return ip4
	}
	return ip6
}

func (t *Table) egressSet(family nftables.TableFamily, name string, v ipVersion) *nftables.Set {
	s := &nftables.Set{Table: t.egress(family), Name: name + v.suffix, KeyType: v.typ}
	switch name {
	case policed:
		s.KeyType, s.Concatenation = nftables.MustConcatSetType(nftables.TypeIFName, v.typ), true
	case static:
		s.IsMap, s.DataType = true, nftables.TypeVerdict
	case never:
		s.Interval = true
	case pinHost:
		s.KeyType, s.Concatenation, s.HasTimeout = nftables.MustConcatSetType(v.typ, v.typ), true, true
	case pinPort:
		s.KeyType, s.Concatenation, s.HasTimeout = nftables.MustConcatSetType(v.typ, v.typ, nftables.TypeInetProto, nftables.TypeInetService), true, true
	}
	return s
}

// PrepareEgress makes the tables for endpoints unless they are there. refused are the
// addresses that none of them may reach. A kernel that cannot have them gives an error.
func (t *Table) PrepareEgress(refused []netip.Prefix) error {
	creation.Lock()
	defer creation.Unlock()
	for _, family := range egressFamilies {
		there, err := tableExists(t.egress(family))
		if err == nil && !there {
			err = change(func(c *nftables.Conn) error { return t.addEgress(c, family, refused) })
		}
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("make nftables table %s of family %s: %w", t.egress(family).Name, egressFamily(family), err)
		}
	}
	return nil
}

// addEgress makes the table of a family, without endpoints.
func (t *Table) addEgress(c *nftables.Conn, family nftables.TableFamily, refused []netip.Prefix) error {
	c.CreateTable(t.egress(family))
	names := []string{pinHost, pinPort}
	if family == nftables.TableFamilyINet {
		names = append(names, policed, static, never)
	}
	for _, v := range []ipVersion{ip4, ip6} {
		for _, name := range names {
			if err := c.AddSet(t.egressSet(family, name, v), nil); err != nil {
				return err
			}
		}
	}
	if family != nftables.TableFamilyINet {
		return nil
	}
	for _, p := range refused {
		if err := c.SetAddElements(t.egressSet(family, never, version(p.Addr())), interval(p)); err != nil {
			return err
		}
	}
	t.egressChains(c)
	return nil
}

func egressFamily(f nftables.TableFamily) string {
	if f == nftables.TableFamilyNetdev {
		return "netdev"
	}
	return familyName(f)
}

// Police makes the rules of an endpoint, instead of those that it or another with its
// addresses had. The device is there, and is no port of a bridge yet.
func (t *Table) Police(e Endpoint, allow []Allowed) error {
	if err := t.Unpolice(e); err != nil {
		return err
	}
	// Without its rules an endpoint may do nothing, so they may come in parts.
	var todo []func(c *nftables.Conn) error
	add := func(r *nftables.Rule) {
		todo = append(todo, func(c *nftables.Conn) error { c.AddRule(r); return nil })
	}
	todo = append(todo, func(c *nftables.Conn) error { return t.addEndpoint(c, e) })
	t.endpointRules(e, allow, add)
	t.portRules(e, allow, add)
	for part := range slices.Chunk(todo, messages) {
		err := change(func(c *nftables.Conn) error {
			for _, do := range part {
				if err := do(c); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("rules for what enters by %s: %w", e.Device, err)
		}
	}
	return nil
}

// messages is how many of them go in one transaction: the socket holds the answers.
const messages = 100

// Stands tells whether an endpoint has its chains.
func (t *Table) Stands(e Endpoint) (bool, error) {
	c, err := nftables.New()
	if err != nil {
		return false, fmt.Errorf("open nftables: %w", err)
	}
	for _, family := range egressFamilies {
		if there, err := t.hasChain(c, family, e.Device); err != nil || !there {
			return false, err
		}
	}
	return true, nil
}

// hasChain looks for one chain. A list of all may leave some out while others come and
// go.
func (t *Table) hasChain(c *nftables.Conn, family nftables.TableFamily, name string) (bool, error) {
	_, err := c.ListChain(t.egress(family), name)
	if err != nil && strings.Contains(err.Error(), unix.ENOENT.Error()) { // it is not wrapped
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("find chain %s of nftables: %w", name, err)
	}
	return true, nil
}

// Unpolice removes what Police and Pin made for an endpoint. The device may be gone.
func (t *Table) Unpolice(e Endpoint) error {
	for try := 0; ; try++ {
		found, all, err := t.of(e)
		if err != nil || len(found) == 0 {
			return err
		}
		err = remove(func(c *nftables.Conn) error {
			for _, del := range found {
				if err := del(c); err != nil {
					return err
				}
			}
			return nil
		})
		// A pin may end, or a device take its chain along, after it was found.
		if err != nil && (!errors.Is(err, unix.ENOENT) || try == 100) {
			return fmt.Errorf("remove rules for what enters by %s: %w", e.Device, err)
		}
		if err == nil && all { // to look again would wait for what is forgotten now
			return nil
		}
	}
}

// of finds what there is of an endpoint, as what removes it; all is false where that is
// a part.
func (t *Table) of(e Endpoint) (found []func(c *nftables.Conn) error, all bool, err error) {
	c, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return nil, false, fmt.Errorf("open nftables: %w", err)
	}
	all = true
	defer func() { _ = c.CloseLasting() }()
	for _, family := range egressFamilies {
		there, err := tableExists(t.egress(family))
		if err != nil {
			return nil, false, err
		}
		if !there {
			continue
		}
		for _, a := range e.addresses() {
			dels, whole, err := t.elementsOf(c, family, a)
			if err != nil {
				return nil, false, err
			}
			found, all = append(found, dels...), all && whole
		}
		there, err = t.hasChain(c, family, e.Device)
		if err != nil {
			return nil, false, err
		}
		if there {
			found = append(found, func(c *nftables.Conn) error {
				c.DelChain(&nftables.Chain{Table: t.egress(family), Name: e.Device})
				return nil
			})
		}
	}
	return found, all, nil
}

// elementsOf finds the elements that begin with a container's address, those that lead
// to its chain first; all is false where there are too many for once.
func (t *Table) elementsOf(c *nftables.Conn, family nftables.TableFamily, a netip.Addr) (found []func(c *nftables.Conn) error, all bool, err error) {
	names := []string{pinHost, pinPort}
	if family == nftables.TableFamilyINet {
		names = []string{policed, static, pinHost, pinPort}
	}
	left := most
	for _, name := range names {
		set := t.egressSet(family, name, version(a))
		vals, err := c.GetSetElements(set)
		if err != nil {
			return nil, false, fmt.Errorf("list nftables set %s: %w", set.Name, err)
		}
		at := 0
		if name == policed {
			at = ifaceSize
		}
		var mine []nftables.SetElement
		for _, v := range vals {
			if string(v.Key[at:at+a.BitLen()/8]) == string(a.AsSlice()) && left > 0 {
				mine = append(mine, nftables.SetElement{Key: v.Key, VerdictData: v.VerdictData})
				left--
			}
		}
		for part := range slices.Chunk(mine, chunk) {
			found = append(found, func(c *nftables.Conn) error { return c.SetDeleteElements(set, part) })
		}
	}
	return found, left > 0, nil
}

func (e Endpoint) addresses() []netip.Addr {
	var all []netip.Addr
	for _, p := range []netip.Prefix{e.IPv4, e.IPv6} {
		if p.IsValid() {
			all = append(all, p.Addr())
		}
	}
	return all
}

// chainsOf lists the chains of a table of egress.
func (t *Table) chainsOf(c *nftables.Conn, family nftables.TableFamily) ([]string, error) {
	chains, err := c.ListChainsOfTableFamily(family)
	if err != nil {
		return nil, fmt.Errorf("list chains of nftables: %w", err)
	}
	var names []string
	for _, chain := range chains {
		if chain.Table.Name == t.egress(family).Name {
			names = append(names, chain.Name)
		}
	}
	return names, nil
}

// Policed lists the devices and addresses that have rules, whether they are there or
// not.
func (t *Table) Policed() (devices []string, addresses []netip.Addr, err error) {
	c, err := nftables.New()
	if err != nil {
		return nil, nil, fmt.Errorf("open nftables: %w", err)
	}
	for _, family := range egressFamilies {
		names, err := t.chainsOf(c, family)
		if err != nil {
			return nil, nil, err
		}
		for _, n := range names {
			if !slices.Contains(egressChainNames, n) && !slices.Contains(devices, n) {
				devices = append(devices, n)
			}
		}
	}
	if there, err := tableExists(t.egress(nftables.TableFamilyINet)); err != nil || !there {
		return devices, nil, err
	}
	for _, v := range []ipVersion{ip4, ip6} {
		vals, err := c.GetSetElements(t.egressSet(nftables.TableFamilyINet, policed, v))
		if err != nil {
			return nil, nil, fmt.Errorf("list nftables set %s: %w", policed+v.suffix, err)
		}
		for _, val := range vals {
			if a, ok := netip.AddrFromSlice(val.Key[ifaceSize:]); ok {
				addresses = append(addresses, a)
			}
		}
	}
	return devices, addresses, nil
}

// deleteEgress removes the tables of egress.
func (t *Table) deleteEgress() error {
	for _, family := range egressFamilies {
		there, err := tableExists(t.egress(family))
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		err = remove(func(c *nftables.Conn) error { c.DelTable(t.egress(family)); return nil })
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return nil
}
