package ocispec

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"vz.internal/vzcontract"
)

// defaultCapabilities are Docker's.
var defaultCapabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID",
	"CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
}

func (b *builder) capabilities() error {
	s := b.cfg.Security
	add, addAll, err := b.host.normalize(s.CapAdd)
	if err != nil {
		return err
	}
	drop, dropAll, err := b.host.normalize(s.CapDrop)
	if err != nil {
		return err
	}
	base := defaultCapabilities
	switch {
	case addAll, s.Privileged && !dropAll:
		base = b.host.known
	case dropAll:
		base = nil
	}
	// As with docker, what is added by name is there although it is dropped
	// by ALL, and what is dropped by name is gone although it is added by ALL.
	var set []string
	for _, c := range b.host.known {
		switch {
		case slices.Contains(add, c):
		case slices.Contains(drop, c), !slices.Contains(base, c):
			continue
		}
		if !b.host.has(c) {
			if slices.Contains(add, c) {
				return vzcontract.Errorf(vzcontract.ErrDenied, "capability %s: vz itself does not have it here", c)
			}
			continue
		}
		set = append(set, c)
	}
	b.spec.Process.Capabilities = capabilitySets(set)
	return nil
}

// normalize checks names and gives them their CAP_ form.
func (h host) normalize(names []string) (caps []string, all bool, err error) {
	for _, n := range names {
		c := strings.ToUpper(n)
		if c == "ALL" || c == "CAP_ALL" {
			all = true
			continue
		}
		if !strings.HasPrefix(c, "CAP_") {
			c = "CAP_" + c
		}
		if !slices.Contains(h.known, c) {
			return nil, false, invalid("capability %q is unknown to this kernel; known are %s", n, strings.Join(h.known, " "))
		}
		caps = append(caps, c)
	}
	return caps, all, nil
}

// all returns every capability that may be given.
func (h host) all() []string {
	return slices.DeleteFunc(slices.Clone(h.known), func(c string) bool { return !h.has(c) })
}

func capabilitySets(set []string) *specs.LinuxCapabilities {
	if set == nil {
		set = []string{}
	}
	return &specs.LinuxCapabilities{Bounding: set, Effective: set, Permitted: set}
}
