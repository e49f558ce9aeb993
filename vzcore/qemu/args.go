package qemu

import (
	"fmt"
	"strings"

	"vz.internal/vzcore/config"
)

// Descriptors that QEMU inherits, in this order from 3.
const (
	fdQMP = 3 + iota
	fdMemory
	fdVsock
	fdNetwork // only with a user network, or that of the first card
)

// numberOf is what the guest calls a slot.
func numberOf(slot int) int { return slot + 1 }

// option escapes a value for QEMU's option syntax.
func option(value string) string { return strings.ReplaceAll(value, ",", ",,") }

// A launch is what arguments are made of.
type launch struct {
	arch        arch
	accelerator string
	config      config.Config
	incoming    bool // wait for a saved state
	ninep       []config.Share
	ownership   string // security model of 9p
	firmware    string // file, or empty for QEMU's default
	rate        int    // as tickRate returns it
}

// arguments returns QEMU's command line. The same configuration gives the same
// devices at the same places, which restoring needs.
func (l launch) arguments() []string {
	c := l.config
	a := []string{"-nodefaults", "-no-user-config", "-display", "none", "-name", "vz", "-no-reboot"}
	add := func(name, format string, values ...any) { a = append(a, name, fmt.Sprintf(format, values...)) }
	add("-machine", "%s,memory-backend=ram", l.arch.machine)
	add("-accel", "%s", l.acceleration())
	if l.firmware != "" {
		add("-bios", "%s", l.firmware)
	}
	add("-cpu", "%s", l.arch.cpu[l.accelerator])
	add("-smp", "%d", c.CPUs)
	add("-m", "%dM", c.Memory/config.MiB)
	add("-object", "memory-backend-file,id=ram,size=%d,share=on,mem-path=/proc/self/fd/%d", c.Memory, fdMemory)
	a = append(a, "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny")
	add("-chardev", "socket,id=qmp,fd=%d", fdQMP)
	a = append(a, "-mon", "chardev=qmp,mode=control")
	if c.Console.Log != "" {
		add("-chardev", "file,id=console,append=on,path=%s", option(c.Console.Log))
	} else {
		a = append(a, "-chardev", "null,id=console")
	}
	a = append(a, "-serial", "chardev:console")
	if c.Boot.Kind == config.BootLinux && !l.incoming { // else the kernel is in the saved memory
		a = append(a, "-kernel", c.Boot.Kernel)
		if c.Boot.Initramfs != "" {
			a = append(a, "-initrd", c.Boot.Initramfs)
		}
		line := fmt.Sprintf("console=%s panic=-1 quiet", l.arch.console)
		if l.accelerator == TCG {
			// QEMU does not see what a virtiofsd or vsock device writes to the guest's memory:
			// what it has translated of a page before, it would run for what lies there now. A
			// page that a processor of the guest has cleared before its use is translated anew.
			line += " init_on_alloc=1"
		}
		if l.accelerator == TCG && l.arch.clock != nil {
			line += " " + l.arch.clock(l.rate, c.Boot.HZ)
		}
		add("-append", "%s", strings.TrimSpace(line+" "+c.Boot.CommandLine))
	}
	a = append(a, l.devices()...)
	if l.incoming {
		a = append(a, "-incoming", "defer", "-S")
	}
	return a
}

// acceleration is the accelerator with its options.
func (l launch) acceleration() string {
	if l.accelerator != TCG {
		return l.accelerator
	}
	// The code that QEMU translates the guest's into takes no more than this; a guest that
	// has booted needs 50 MiB.
	options := "tcg,tb-size=256"
	if l.config.CPUs > 1 {
		// In parallel one processor may run code that another has patched since: the
		// guest's kernel then dies of a stale breakpoint (QEMU 7.2). Since 8.1 that is mended,
		// and two busy programs take 2.7 s in place of 4.2 on a quiet host (QEMU 10.0); but a
		// guest was seen to wait for ever for a share that had just been plugged, and where
		// the host is busy all that starts and ends is slower by a quarter.
		options += ",thread=single"
	}
	return options
}

func (l launch) devices() []string {
	c := l.config
	var a []string
	add := func(name, format string, values ...any) { a = append(a, name, fmt.Sprintf(format, values...)) }
	// One port each for what comes and goes while the guest runs.
	for slot := range c.HotSlots() + 1 {
		add("-device", "pcie-root-port,id=hot%d,chassis=%d,slot=%d,bus=pcie.0,addr=%#x", slot, slot+1, numberOf(slot), 0x10+slot)
	}
	a = append(a, "-device", "virtio-rng-pci,bus=pcie.0,addr=0x2")
	if c.Balloon {
		a = append(a, "-device", "virtio-balloon-pci,id=balloon,bus=pcie.0,addr=0x3,deflate-on-oom=on,free-page-reporting=on")
	}
	if c.Network.Kind == config.NetworkUser {
		add("-netdev", "dgram,id=net,local.type=fd,local.str=%d", fdNetwork)
		// The kernel comes from outside: the card needs no boot code of its own.
		add("-device", "virtio-net-pci,netdev=net,bus=pcie.0,addr=0x4,romfile=,mac=%s", c.Network.MAC)
	}
	for n := range c.Network.Cards {
		add("-netdev", "tap,id=net%d,fd=%d", n, fdNetwork+n)
		add("-device", "virtio-net-pci,netdev=net%d,bus=pcie.0,addr=0x4.%d,multifunction=on,romfile=,mac=%s", n, n, config.CardMAC(n))
	}
	for i, d := range c.Disks {
		cache := map[string]string{config.SyncNone: "cache.no-flush=on,"}[d.Sync]
		read := "off"
		if d.ReadOnly {
			read = "on"
		}
		add("-blockdev", "driver=raw,node-name=disk%d,read-only=%s,%sfile.driver=file,file.filename=%s", i, read, cache, option(d.Path))
		add("-device", "virtio-blk-pci,drive=disk%d,serial=%s,bus=pcie.0,addr=%#x.%d,multifunction=on", i, d.ID, 0x6+i/8, i%8)
	}
	for i, s := range l.ninep {
		read := "off"
		if s.ReadOnly {
			read = "on"
		}
		add("-fsdev", "local,id=share%d,security_model=%s,readonly=%s,path=%s", i, l.ownership, read, option(s.Source))
		add("-device", "virtio-9p-pci,fsdev=share%d,mount_tag=%s,bus=pcie.0,addr=0x8.%d,multifunction=on", i, s.Tag, i)
	}
	if !l.incoming {
		add("-chardev", "socket,id=vsock,fd=%d", fdVsock)
		add("-device", "vhost-user-vsock-pci,id=vsock,chardev=vsock,bus=hot0")
	}
	return a
}
