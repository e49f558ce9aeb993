package qemu

// The accelerators.
const (
	KVM = "kvm"
	TCG = "tcg"
)

// An arch is what depends on the guest's architecture.
type arch struct {
	name    string // x86_64 or arm64
	goarch  string
	program string
	machine string
	console string            // kernel's name of the console
	cpu     map[string]string // by accelerator
	// clock is for the kernel's command line where the guest runs by translation, unless
	// it knows how fast its clocks are.
	clock func(rate, hz int) string
	// firmware is QEMU's that does only what a kernel from outside needs. It may be missing.
	firmware string
	// slowButton: a device that is to go is let go after five seconds.
	slowButton bool
}

var arches = map[string]arch{
	"x86_64": {
		name: "x86_64", goarch: "amd64", program: "qemu-system-x86_64",
		machine: "q35,vmport=off,smbus=off,sata=off", console: "ttyS0", clock: emulatedClock,
		firmware: "qboot.rom",
		// QEMU moves a string byte by byte, which is slow: the guest shall not prefer it.
		// Linux has no use for MPX, and would save its registers.
		cpu: map[string]string{KVM: "host", TCG: "max,-erms,-mpx"},
	},
	"arm64": {
		name: "arm64", goarch: "arm64", program: "qemu-system-aarch64", machine: "virt,gic-version=3", console: "ttyAMA0",
		// QEMU's own pointer authentication is much faster than the architecture's.
		cpu: map[string]string{KVM: "host", TCG: "max,pauth-impdef=on"}, slowButton: true,
	},
}
