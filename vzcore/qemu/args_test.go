package qemu

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcore/config"
)

func full() launch {
	c := config.Default()
	c.Memory = 512 * config.MiB
	c.Boot.Kernel, c.Boot.Initramfs, c.Boot.CommandLine = "/k", "/i", "a=b"
	c.Boot.HZ = 100
	c.Network.MAC = "02:00:00:00:00:01"
	c.Console.Log = "/log,x"
	c.Disks = []config.Disk{{ID: "root", Path: "/d,0", ReadOnly: true}, {ID: "data", Path: "/d1", Sync: config.SyncNone}}
	return launch{arch: arches["x86_64"], accelerator: TCG, config: c, firmware: "/share/qemu/qboot.rom"}
}

// value returns what follows name, the n-th time that it is there.
func value(t *testing.T, args []string, name string, n int) string {
	t.Helper()
	for i, a := range args {
		if a == name {
			if n == 0 {
				return args[i+1]
			}
			n--
		}
	}
	t.Fatalf("%q has too few of %s", args, name)
	return ""
}

func TestArguments(t *testing.T) {
	args := full().arguments()
	require.Contains(t, value(t, args, "-machine", 0), "q35,")
	require.Equal(t, "tcg,tb-size=256,thread=single", value(t, args, "-accel", 0))
	require.Equal(t, "/share/qemu/qboot.rom", value(t, args, "-bios", 0))
	require.Equal(t, "512M", value(t, args, "-m", 0))
	require.Equal(t, "memory-backend-file,id=ram,size=536870912,share=on,mem-path=/proc/self/fd/4", value(t, args, "-object", 0))
	require.Equal(t, "console=ttyS0 panic=-1 quiet init_on_alloc=1 lapic_timer_khz=1000000 clocksource=hpet a=b", value(t, args, "-append", 0))
	require.Equal(t, "driver=raw,node-name=disk0,read-only=on,file.driver=file,file.filename=/d,,0", value(t, args, "-blockdev", 0))
	require.Equal(t, "driver=raw,node-name=disk1,read-only=off,cache.no-flush=on,file.driver=file,file.filename=/d1", value(t, args, "-blockdev", 1))
	require.Contains(t, args, "file,id=console,append=on,path=/log,,x", "commas are escaped")
	require.Contains(t, args, "vhost-user-vsock-pci,id=vsock,chardev=vsock,bus=hot0")
	require.Contains(t, args, "virtio-net-pci,netdev=net,bus=pcie.0,addr=0x4,romfile=,mac=02:00:00:00:00:01")
	require.Equal(t, args, full().arguments(), "the same each time")

	// To restore, all is the same but what comes when the machine goes on.
	l := full()
	l.incoming = true
	incoming := l.arguments()
	boots := []string{"-kernel", "/k", "-initrd", "/i", "-append", value(t, args, "-append", 0)}
	for _, a := range args {
		if !strings.Contains(a, "vsock") && !slices.Contains(boots, a) && !slices.Contains(incoming, a) {
			t.Errorf("%q is not there when a machine is restored", a)
		}
	}
	require.NotContains(t, incoming, "vhost-user-vsock-pci,id=vsock,chardev=vsock,bus=hot0")
}

func TestArgumentsOfLess(t *testing.T) {
	l := full()
	l.arch, l.accelerator = arches["arm64"], KVM
	l.config.Network.Kind, l.config.Balloon, l.config.Console.Log, l.config.CPUs = config.NetworkNone, false, "", 1
	args := strings.Join(l.arguments(), " ")
	require.Contains(t, args, "-machine virt,gic-version=3,memory-backend=ram -accel kvm ")
	require.Contains(t, args, "-cpu host")
	require.Contains(t, args, "console=ttyAMA0")
	for _, absent := range []string{"netdev", "balloon", "file,id=console", "init_on_alloc"} {
		require.NotContains(t, args, absent)
	}
}
