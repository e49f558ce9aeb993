package config

import (
	"cmp"
	"encoding/json"
	"net/netip"
)

// Sizes in bytes.
const (
	MiB = 1 << 20
	GiB = 1 << 30
)

// A Config describes one virtual machine.
type Config struct {
	CPUs     int      `json:"cpus"`
	Memory   uint64   `json:"memory"` // bytes
	Boot     Boot     `json:"boot"`
	Platform Platform `json:"platform,omitzero"`
	Disks    []Disk   `json:"disks,omitempty"`  // in the order in which the guest sees them
	Shares   []Share  `json:"shares,omitempty"` // plugged before the start
	Network  Network  `json:"network"`
	Console  Console  `json:"console,omitzero"`
	Vsock    Vsock    `json:"vsock"`
	// Slots is how many shares and network cards can be plugged at once while the machine
	// runs, or were before it started; zero is DefaultSlots, and there are as many as
	// Shares at least. Each makes the guest boot longer: 10 ms or, on arm64, 30 ms of emulation.
	Slots   int      `json:"slots,omitempty"`
	Entropy bool     `json:"entropy"` // a guest without it waits for randomness for long
	Balloon bool     `json:"balloon"`
	Display *Display `json:"display,omitempty"`
	Rosetta bool     `json:"rosetta,omitempty"`
	Nested  bool     `json:"nested,omitempty"` // virtualisation within the guest
}

// How a guest is booted.
const (
	BootLinux = "linux"
	BootMacOS = "macos"
	BootEFI   = "efi"
)

// Boot says how the guest starts.
type Boot struct {
	Kind        string `json:"kind"`
	Kernel      string `json:"kernel,omitempty"` // linux
	Initramfs   string `json:"initramfs,omitempty"`
	CommandLine string `json:"command_line,omitempty"`
	// HZ is how often a second the kernel counts time (its CONFIG_HZ), if that is known:
	// it is then told how fast the processor is and need not find out, which takes time.
	HZ int `json:"hz,omitempty"`
	// KernelSHA256 and InitramfsSHA256, in hexadecimal, are those of the files, if somebody
	// has just checked them: they are then not read once more to compare saved machines.
	KernelSHA256    string `json:"kernel_sha256,omitempty"`
	InitramfsSHA256 string `json:"initramfs_sha256,omitempty"`
	VariableStore   string `json:"variable_store,omitempty"` // efi
}

// Platform is what identifies the machine to a macOS guest.
type Platform struct {
	HardwareModel    []byte `json:"hardware_model,omitempty"`
	MachineID        []byte `json:"machine_id,omitempty"`
	AuxiliaryStorage string `json:"auxiliary_storage,omitempty"`
}

// When what the guest has flushed is on the host's disk.
const (
	SyncFull  = "full"  // also through the disk's own cache
	SyncFlush = "fsync" // in the host's system
	SyncNone  = "none"  // some time
)

// A Disk is a raw image as a block device.
type Disk struct {
	ID       string `json:"id"` // as the guest sees it as serial number
	Path     string `json:"path"`
	ReadOnly bool   `json:"read_only,omitempty"`
	Sync     string `json:"sync,omitempty"` // empty is fsync
	// Saved: a save of the machine keeps the disk too, and a restore makes the file
	// anew from it.
	Saved bool `json:"saved,omitempty"`
}

// A Share is a directory of the host, or several in one.
type Share struct {
	Tag      string `json:"tag"`
	Source   string `json:"source,omitempty"`
	ReadOnly bool   `json:"read_only,omitempty"`
	// Entries, in place of Source, are what the share holds.
	Entries []Entry `json:"entries,omitempty"`
	// Growing: entries come and go while the machine runs, and there may be none yet.
	Growing bool `json:"growing,omitempty"`
	// Trusted shows the guest the extended attributes of trusted.*, in which
	// overlays keep what a layer hides. The guest may set them too.
	Trusted bool `json:"trusted,omitempty"`
}

// Composed tells whether the share holds entries in place of a source.
func (s Share) Composed() bool { return s.Growing || len(s.Entries) > 0 }

// An Entry is a directory or file of the host that a share has under a name.
type Entry struct {
	Name     string `json:"name"`
	Source   string `json:"source"`
	ReadOnly bool   `json:"read_only,omitempty"`
}

// Kinds of a network.
const (
	NetworkNone  = "none"
	NetworkNAT   = "nat"   // the system's own, macOS only
	NetworkUser  = "user"  // in the process, with ports and DNS
	NetworkCards = "cards" // cards whose cables are the caller's
)

// Network is the guest's way to others.
type Network struct {
	Kind  string `json:"kind"`
	MAC   string `json:"mac,omitempty"` // kept with the configuration, so that it stays
	User  User   `json:"user,omitzero"`
	Cards int    `json:"cards,omitempty"` // how many the machine starts with; more can be plugged
}

// User is the configuration of a user network. The gateway is the first address of
// the subnet, the guest the second.
type User struct {
	Subnet netip.Prefix          `json:"subnet,omitzero"` // empty is 192.168.127.0/24
	Ports  []Port                `json:"ports,omitempty"`
	Hosts  map[string]netip.Addr `json:"hosts,omitempty"` // names with a domain that the gateway's DNS server knows; it knows no others of these domains
	MTU    int                   `json:"mtu,omitempty"`
}

// A Port of the host leads to one of the guest.
type Port struct {
	Protocol string         `json:"protocol,omitempty"` // tcp (the default) or udp
	Host     netip.AddrPort `json:"host"`
	Guest    uint16         `json:"guest"`
}

// Console is the guest's serial console, which always exists.
type Console struct {
	Log string `json:"log,omitempty"` // file that what the guest prints is added to
}

// Vsock is the channel between host and guest.
type Vsock struct {
	CID uint32 `json:"cid,omitempty"` // 0 is 3
}

// Display is a screen.
type Display struct {
	Width  int `json:"width"`
	Height int `json:"height"`
	PPI    int `json:"ppi,omitempty"`
}

// Default returns a configuration with the defaults of a machine and nothing to
// boot.
func Default() Config {
	return Config{
		CPUs: 2, Memory: 4 * GiB, Boot: Boot{Kind: BootLinux}, Network: Network{Kind: NetworkUser}, Entropy: true, Balloon: true,
	}
}

// DefaultSubnet is that of a user network.
var DefaultSubnet = netip.MustParsePrefix("192.168.127.0/24")

// Addresses returns the subnet with its gateway's and the guest's address.
func (u User) Addresses() (subnet netip.Prefix, gateway, guest netip.Addr) {
	subnet = u.Subnet
	if !subnet.IsValid() {
		subnet = DefaultSubnet
	}
	gateway = subnet.Masked().Addr().Next()
	return subnet.Masked(), gateway, gateway.Next()
}

// DefaultSlots is how many Slots there are unless a configuration says more.
const DefaultSlots = 4

// HotSlots returns how many shares and cards can be plugged at once.
func (c Config) HotSlots() int { return max(cmp.Or(c.Slots, DefaultSlots), len(c.Shares)) }

// Clone returns a copy that shares nothing with c.
func (c Config) Clone() Config {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // plain data
	}
	var out Config
	if err := json.Unmarshal(text, &out); err != nil {
		panic(err)
	}
	return out
}
