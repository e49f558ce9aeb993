package config

import (
	"errors"
	"net"
	"path/filepath"
	"strings"

	"vz.internal/vzcontract"
)

// The bounds of a machine.
const (
	MaxCPUs   = 64
	MinMemory = 64 * MiB
	MaxMemory = 1 << 40
	maxDisks  = 16
	MaxSlots  = 14
	maxShares = MaxSlots
	maxPorts  = 256
	// An overlay can have more layers, but no image does.
	maxEntries = 256
)

func validID(s string) bool  { return len(s) <= 20 && vzcontract.ValidName(s) }
func validTag(s string) bool { return len(s) <= 36 && vzcontract.ValidName(s) }

// problems collects what is wrong, each with its field.
type problems []error

func (p *problems) add(field, format string, args ...any) {
	*p = append(*p, vzcontract.Errorf(vzcontract.ErrValidation, "%s: "+format, append([]any{field}, args...)...))
}

// path must be absolute and free of what a driver's option syntax could mistake.
func (p *problems) path(field, path string, needed bool) {
	switch {
	case path == "" && !needed:
	case path == "":
		p.add(field, "is missing")
	case !filepath.IsAbs(path):
		p.add(field, "%q is no absolute path", path)
	case strings.ContainsAny(path, "\x00\n"):
		p.add(field, "%q has a zero byte or line feed", path)
	}
}

func (p *problems) number(field string, got, low, high uint64) {
	if got < low || got > high {
		p.add(field, "%d is not between %d and %d", got, low, high)
	}
}

// Validate returns all that is wrong with c, each with the field's name and its
// bounds; the errors match vzcontract.ErrValidation. Whether files exist is not
// looked at.
func (c Config) Validate() error {
	var p problems
	p.number("cpus", uint64(max(c.CPUs, 0)), 1, MaxCPUs)
	p.number("memory", c.Memory, MinMemory, MaxMemory)
	if c.Memory%MiB != 0 {
		p.add("memory", "%d is no multiple of %d", c.Memory, MiB)
	}
	c.Boot.validate(&p)
	if c.Boot.Kind == BootMacOS && (len(c.Platform.HardwareModel) == 0 || len(c.Platform.MachineID) == 0) {
		p.add("platform", "a macOS guest needs a hardware model and a machine id")
	}
	p.path("platform.auxiliary_storage", c.Platform.AuxiliaryStorage, c.Boot.Kind == BootMacOS)
	validateDisks(&p, c.Disks)
	validateShares(&p, c.Shares)
	p.number("slots", uint64(max(c.Slots, 0)), 0, MaxSlots)
	c.Network.validate(&p)
	p.path("console.log", c.Console.Log, false)
	if c.Vsock.CID != 0 {
		p.number("vsock.cid", uint64(c.Vsock.CID), 3, 1<<32-2)
	}
	if !c.Entropy {
		p.add("entropy", "is off: programs of the guest would wait for randomness")
	}
	if d := c.Display; d != nil {
		p.number("display.width", uint64(max(d.Width, 0)), 1, 16384)
		p.number("display.height", uint64(max(d.Height, 0)), 1, 16384)
	}
	return errors.Join(p...)
}

func (b Boot) validate(p *problems) {
	switch b.Kind {
	case BootLinux:
		p.path("boot.kernel", b.Kernel, true)
		p.path("boot.initramfs", b.Initramfs, false)
	case BootEFI:
		p.path("boot.variable_store", b.VariableStore, true)
	case BootMacOS:
	default:
		p.add("boot.kind", "%q is not linux, macos or efi", b.Kind)
	}
	p.number("boot.hz", uint64(max(b.HZ, 0)), 0, 10_000)
	if len(b.CommandLine) > 2047 || strings.ContainsAny(b.CommandLine, "\x00\n") {
		p.add("boot.command_line", "has more than 2047 characters, a zero byte or a line feed")
	}
}

func validateDisks(p *problems, disks []Disk) {
	p.number("disks", uint64(len(disks)), 0, maxDisks)
	seen := map[string]bool{}
	for _, d := range disks {
		if !validID(d.ID) || seen[d.ID] {
			p.add("disks.id", "%q is used twice or not 1 to 20 letters, digits, dots, dashes", d.ID)
		}
		seen[d.ID] = true
		p.path("disks.path", d.Path, true)
		switch d.Sync {
		case "", SyncFull, SyncFlush, SyncNone:
		default:
			p.add("disks.sync", "%q is not full, fsync or none", d.Sync)
		}
	}
}

func validateShares(p *problems, shares []Share) {
	p.number("shares", uint64(len(shares)), 0, maxShares)
	seen := map[string]bool{}
	for _, s := range shares {
		s.validate(p)
		if seen[s.Tag] {
			p.add("shares.tag", "%q is used twice", s.Tag)
		}
		seen[s.Tag] = true
	}
}

func (s Share) validate(p *problems) {
	if !validTag(s.Tag) {
		p.add("shares.tag", "%q is not 1 to 36 letters, digits, dots, dashes", s.Tag)
	}
	p.path("shares.source", s.Source, !s.Composed())
	if s.Source != "" && s.Composed() {
		p.add("shares.entries", "share %q has a source besides them", s.Tag)
	}
	p.number("shares.entries", uint64(len(s.Entries)), 0, maxEntries)
	seen := map[string]bool{}
	for _, e := range s.Entries {
		e.validate(p)
		if seen[e.Name] {
			p.add("shares.entries.name", "%q is used twice", e.Name)
		}
		seen[e.Name] = true
	}
}

func (e Entry) validate(p *problems) {
	if !validTag(e.Name) || strings.Trim(e.Name, ".") == "" {
		p.add("shares.entries.name", "%q is not 1 to 36 letters, digits, dots, dashes", e.Name)
	}
	p.path("shares.entries.source", e.Source, true)
}

// Validate returns what is wrong with e.
func (e Entry) Validate() error {
	var p problems
	e.validate(&p)
	return errors.Join(p...)
}

// Validate returns what is wrong with s.
func (s Share) Validate() error {
	var p problems
	s.validate(&p)
	return errors.Join(p...)
}

func (n Network) validate(p *problems) {
	switch n.Kind {
	case NetworkNone, NetworkNAT, NetworkUser, NetworkCards:
	default:
		p.add("network.kind", "%q is not none, nat, user or cards", n.Kind)
	}
	if n.Cards != 0 && n.Kind != NetworkCards || n.Cards < 0 || n.Cards > MaxCards {
		p.add("network.cards", "%d: a network of cards has 0 to %d", n.Cards, MaxCards)
	}
	if n.MAC != "" {
		mac, err := net.ParseMAC(n.MAC)
		if err != nil || len(mac) != 6 || mac[0]&1 != 0 {
			p.add("network.mac", "%q is no address of one Ethernet interface", n.MAC)
		}
	}
	u := n.User
	if u.Subnet.IsValid() && (!u.Subnet.Addr().Is4() || u.Subnet.Bits() < 8 || u.Subnet.Bits() > 29) {
		p.add("network.user.subnet", "%s is no IPv4 network of 8 to 29 bits", u.Subnet)
	}
	if u.MTU != 0 {
		p.number("network.user.mtu", uint64(max(u.MTU, 0)), 576, 65521)
	}
	p.number("network.user.ports", uint64(len(u.Ports)), 0, maxPorts)
	seen := map[Port]bool{}
	for _, port := range u.Ports {
		switch port.Protocol {
		case "", "tcp", "udp":
		default:
			p.add("network.user.ports", "%q is not tcp or udp", port.Protocol)
		}
		if !port.Host.IsValid() || port.Guest == 0 {
			p.add("network.user.ports", "a port needs the host's address and the guest's port")
		}
		key := Port{Protocol: port.Protocol, Host: port.Host}
		if seen[key] {
			p.add("network.user.ports", "%s is used twice", port.Host)
		}
		seen[key] = true
	}
	for name, address := range u.Hosts {
		if host, domain, _ := strings.Cut(name, "."); host == "" || domain == "" || !address.Is4() {
			p.add("network.user.hosts", "%q is no name with a domain, or %s no IPv4 address", name, address)
		}
	}
}
