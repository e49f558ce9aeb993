package guest

import (
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

// Attachments are the networks of the host that the container is on when it runs.
func (r Record) Attachments() []vzcontract.NetworkAttach {
	list := slices.DeleteFunc(r.Config.Attachments(), func(a vzcontract.NetworkAttach) bool { return slices.Contains(r.Detach, a.Network) })
	return append(list, r.Attach...)
}

// Connect notes that the container is on one more network. One that it is on is
// vzcontract.ErrConflict.
func (r *Record) Connect(at vzcontract.NetworkAttach) error {
	if r.on(at.Network) {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the container is on network %s already", at.Network)
	}
	r.Attach = append(slices.Clone(r.Attach), at)
	return nil
}

// Disconnect notes that the container has left a network. One that it is not on is
// vzcontract.ErrConflict.
func (r *Record) Disconnect(network string) error {
	if !r.on(network) {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the container is not on network %s", network)
	}
	before := len(r.Attach)
	r.Attach = slices.DeleteFunc(slices.Clone(r.Attach), func(a vzcontract.NetworkAttach) bool { return a.Network == network })
	if len(r.Attach) == before {
		r.Detach = append(slices.Clone(r.Detach), network)
	}
	return nil
}

func (r Record) on(network string) bool {
	return slices.ContainsFunc(r.Attachments(), func(a vzcontract.NetworkAttach) bool { return a.Network == network })
}

// OfNetwork tells whether a sysctl is one of the network, "net.ipv4.ip_forward" or
// "net/ipv4/ip_forward".
func OfNetwork(sysctl string) bool {
	return strings.HasPrefix(sysctl, "net.") || strings.HasPrefix(sysctl, "net/")
}
