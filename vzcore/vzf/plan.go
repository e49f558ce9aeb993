package vzf

import (
	"net"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
)

// A plan is a configuration as the framework takes it.
type plan struct {
	cpus    uint
	memory  uint64
	boot    boot
	disks   []disk
	shares  []tree
	network string           // kind, as in config
	mac     net.HardwareAddr // nil without a card
	mtu     int              // 0 is the framework's
	console string           // file that output is added to; empty drops it
	balloon bool
	nested  bool
	display *config.Display
}

// A boot is how a guest starts, and what it takes itself for.
type boot struct {
	kind      string
	kernel    string
	initramfs string
	line      string
	variables string // of EFI; made if missing
	// identity is the machine's; empty makes a new one, which only guests with other
	// means to recognise themselves can do with.
	identity []byte
	hardware []byte // model, of macOS
	storage  string // auxiliary, of macOS
}

type disk struct {
	id, path string
	readOnly bool
	sync     string // as in config, never empty
}

// A tree is a share: one directory, or several by name.
type tree struct {
	tag     string
	several bool
	dirs    []dir // exactly one, without a name, unless several
}

type dir struct {
	name, path string
	readOnly   bool
}

// consoleName is what Linux calls the console, which every guest has: one with a kernel
// that writes to it, but without the device, would hang.
const consoleName = "hvc0"

// defaultMTU is the framework's, and the least that it takes.
const defaultMTU = 1500

// refuse says what of a valid configuration the driver cannot do, and why.
func refuse(c config.Config) error {
	no := func(format string, args ...any) error {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "the vzf driver: "+format, args...)
	}
	macOS := c.Boot.Kind == config.BootMacOS
	switch {
	case c.Network.Kind == config.NetworkCards:
		return no("cards on the host's networks: macOS has no tap devices; use the network user")
	case c.Vsock.CID != 0 && c.Vsock.CID != guestCID:
		return no("the vsock context id %d: the framework gives every guest %d", c.Vsock.CID, guestCID)
	case c.Rosetta:
		return no("Rosetta: the guest's agent does not register it")
	case c.Display != nil && !macOS:
		return no("displays of Linux guests: nothing shows them")
	case macOS && c.Nested:
		return no("virtualisation within macOS guests")
	case macOS && len(c.Disks) == 0:
		return no("a macOS guest without a disk: install one first")
	}
	for _, s := range c.Shares {
		for _, e := range s.Entries {
			if len(e.Name) > maxEntryName {
				return no("share %s: the name %q has more than %d bytes", s.Tag, e.Name, maxEntryName)
			}
		}
	}
	return nil
}

// maxEntryName is how long the name of a directory in a share may be.
const maxEntryName = 255

func hasCard(n config.Network) bool {
	return n.Kind == config.NetworkUser || n.Kind == config.NetworkNAT
}

// newPlan translates what refuse lets through.
func newPlan(c config.Config) (plan, error) {
	p := plan{
		cpus: uint(c.CPUs), memory: c.Memory, network: c.Network.Kind, console: c.Console.Log, balloon: c.Balloon,
		nested: c.Nested, display: c.Display, shares: trees(c.Shares),
		boot: boot{
			kind: c.Boot.Kind, kernel: c.Boot.Kernel, initramfs: c.Boot.Initramfs, line: commandLine(c.Boot),
			variables: c.Boot.VariableStore, identity: c.Platform.MachineID, hardware: c.Platform.HardwareModel, storage: c.Platform.AuxiliaryStorage,
		},
	}
	for _, d := range c.Disks {
		one := disk{id: d.ID, path: d.Path, readOnly: d.ReadOnly, sync: d.Sync}
		if one.sync == "" {
			one.sync = config.SyncFlush
		}
		p.disks = append(p.disks, one)
	}
	if hasCard(c.Network) {
		var err error
		if p.mac, err = net.ParseMAC(c.Network.MAC); err != nil {
			return plan{}, vzcontract.Errorf(vzcontract.ErrValidation, "network.mac: %w", err)
		}
		// The guest is told of a smaller one by its agent.
		if mtu := c.Network.User.MTU; mtu > defaultMTU {
			p.mtu = mtu
		}
	}
	return p, nil
}

// commandLine is that of a Linux guest.
func commandLine(b config.Boot) string {
	if b.Kind != config.BootLinux {
		return ""
	}
	return strings.TrimSpace("console=" + consoleName + " panic=-1 quiet " + b.CommandLine)
}

// trees translates shares. One that is to grow is made with what it has at the start.
func trees(shares []config.Share) []tree {
	var all []tree
	for _, s := range shares {
		t := tree{tag: s.Tag, several: s.Composed()}
		if !t.several {
			t.dirs = []dir{{path: s.Source, readOnly: s.ReadOnly}}
		}
		for _, e := range s.Entries {
			t.dirs = append(t.dirs, dir{name: e.Name, path: e.Source, readOnly: s.ReadOnly || e.ReadOnly})
		}
		all = append(all, t)
	}
	return all
}
