// Package ipam chooses subnets and addresses. It has no state: what is taken
// is the caller's to say.
package ipam

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/netip"
)

// Address returns the lowest usable address of within, a part of subnet, for
// which taken is false. The network's own and, for IPv4, the broadcast address
// are never given.
func Address(subnet, within netip.Prefix, taken func(netip.Addr) bool) (netip.Addr, bool) {
	for a := within.Masked().Addr(); within.Contains(a); a = a.Next() {
		if Usable(subnet, a) && !taken(a) {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// Usable tells whether a host of subnet may have the address.
func Usable(subnet netip.Prefix, a netip.Addr) bool {
	if !subnet.Contains(a) {
		return false
	}
	if a.BitLen()-subnet.Bits() < 2 {
		return true // RFC 3021: both addresses of a /31 are hosts'
	}
	return a != subnet.Masked().Addr() && (a.Is6() || a != Last(subnet))
}

// Last is the highest address of p.
func Last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// A Pool is a range cut into subnets of Bits each. The first subnet is the one
// of the address that Range is written with.
type Pool struct {
	Range netip.Prefix
	Bits  int
}

// Subnet returns the first subnet of pools for which taken is false. In each
// pool the search begins at the subnet with the number skip, so that those who
// skip differently seldom meet, and goes on at the pool's start.
func Subnet(pools []Pool, skip uint32, taken func(netip.Prefix) bool) (netip.Prefix, bool) {
	for _, pool := range pools {
		count := uint64(1) << max(pool.Bits-pool.Range.Bits(), 0)
		p := netip.PrefixFrom(pool.Range.Addr(), pool.Bits).Masked()
		for range uint64(skip) % count {
			p = pool.next(p)
		}
		for range count {
			if !taken(p) {
				return p, true
			}
			p = pool.next(p)
		}
	}
	return netip.Prefix{}, false
}

// next is the subnet after p; the first one follows the last.
func (pool Pool) next(p netip.Prefix) netip.Prefix {
	if a := Last(p).Next(); pool.Range.Contains(a) {
		return netip.PrefixFrom(a, pool.Bits)
	}
	return netip.PrefixFrom(pool.Range.Masked().Addr(), pool.Bits)
}

// UniqueLocal derives a /64 of fd00::/8 from a seed and a try.
func UniqueLocal(seed string, try byte) netip.Prefix {
	sum := sha256.Sum256(append([]byte(seed), try))
	raw := [16]byte{0xfd}
	copy(raw[1:8], sum[:7])
	return netip.PrefixFrom(netip.AddrFrom16(raw), 64)
}

// MAC derives a locally administered address from an IP address, so that an
// address that is given again has the same neighbour entry.
func MAC(a netip.Addr) net.HardwareAddr {
	b := a.AsSlice()
	return append(net.HardwareAddr{0x02, 0x42}, b[len(b)-4:]...)
}

// Interface derives the name of a network interface, at most 15 bytes, from
// what it is for and a try.
func Interface(prefix, id string, try byte) string {
	sum := sha256.Sum256(append([]byte(id), try))
	return (prefix + hex.EncodeToString(sum[:]))[:13]
}
