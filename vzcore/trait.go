package vzcore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"vz.internal/vzcore/config"
)

// A trait is something that a guest can tell, or that its state is made for.
type trait struct{ name, value string }

// traits are what must be the same for a machine to be restored. Where files lie, what
// the network card is connected to and its address do not matter: who restores a machine
// has its agent set the address.
func (m Manifest) traits() []trait {
	c := m.Config
	var all []trait
	add := func(name string, value any) {
		all = append(all, trait{name, fmt.Sprint(value)})
	}
	add("driver", m.Driver)
	add("driver version", m.DriverVersion)
	for _, name := range slices.Sorted(maps.Keys(m.Facts)) {
		add(name, m.Facts[name])
	}
	add("cpus", c.CPUs)
	add("memory", c.Memory)
	add("boot", c.Boot.Kind)
	add("command line", c.Boot.CommandLine)
	add("kernel", m.Kernel)
	add("initramfs", m.Initramfs)
	add("platform", c.Platform)
	add("disks", m.disks())
	add("network", card(c.Network))
	add("context id", c.Vsock.CID)
	add("slots", c.HotSlots())
	add("balloon", c.Balloon)
	add("display", display(c.Display))
	add("rosetta", c.Rosetta)
	add("nested virtualisation", c.Nested)
	return all
}

// card is what a guest sees of a network.
func card(n config.Network) string {
	if n.Kind == config.NetworkCards {
		return fmt.Sprintf("%d cards", n.Cards)
	}
	return n.Kind
}

func display(d *config.Display) string {
	if d == nil {
		return "none"
	}
	return fmt.Sprintf("%d×%d, %d ppi", d.Width, d.Height, d.PPI)
}

func (m Manifest) disks() []string {
	all := []string{}
	for i, d := range m.Config.Disks {
		size := int64(-1) // a damaged manifest equals none
		if i < len(m.DiskSizes) {
			size = m.DiskSizes[i]
		}
		if d.Saved {
			all = append(all, fmt.Sprintf("%s(read-only %v, saved)", d.ID, d.ReadOnly))
			continue
		}
		all = append(all, fmt.Sprintf("%s(read-only %v, %d bytes)", d.ID, d.ReadOnly, size))
	}
	return all
}

// differences names what of two machines is not equal.
func differences(saved, ours Manifest) []string {
	was, is := map[string]string{}, map[string]string{}
	var names []string
	for _, t := range saved.traits() {
		was[t.name] = t.value
		names = append(names, t.name)
	}
	for _, t := range ours.traits() {
		is[t.name] = t.value
		if _, known := was[t.name]; !known {
			names = append(names, t.name)
		}
	}
	var out []string
	for _, name := range names {
		if was[name] != is[name] {
			out = append(out, fmt.Sprintf("%s was %s, is %s", name, was[name], is[name]))
		}
	}
	return out
}

// Fingerprint is the same, in hexadecimal, for machines of which one can be restored
// from what another has saved.
func (m Manifest) Fingerprint() string {
	h := sha256.New()
	for _, t := range m.traits() {
		fmt.Fprintf(h, "%q=%q\n", t.name, t.value)
	}
	return hex.EncodeToString(h.Sum(nil))
}
