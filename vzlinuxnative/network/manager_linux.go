package network

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"sync"

	"vz.internal/vzlinuxnative/network/internal/ipam"
	"vz.internal/vzlinuxnative/network/internal/nft"
)

// The names that every installation has.
const (
	DefaultNetwork = "bridge"
	HostNetwork    = "host"
	NoNetwork      = "none"
)

// DefaultDir is the directory of the host's main installation. It alone owns
// the bridge vz0 and the nftables table "inet vz"; the names of others carry
// a hash of their directory.
const DefaultDir = "/var/lib/vz/networks"

// Options say where networks are kept. Dir and RunDir must be set; RunDir is
// on a file system that a reboot empties.
type Options struct {
	Dir    string
	RunDir string
	// Pools are cut into subnets for networks that do not name theirs. The
	// default is 10.88.0.0/12 in subnets of 24 bits; installations besides
	// the main one begin elsewhere in it.
	Pools []Pool
	// HostIP is where a port without an address is published: "" stands for
	// 0.0.0.0 and [::].
	HostIP string
	// Namespace opens the network namespace that bridges, rules and routes are in, where
	// that is not the process's own: an ordinary user's, who may change nothing in the
	// host's. It is owned by the user namespace of the process. Ports are published, and
	// resolvers asked, in the process's own then. It is called when it is needed.
	Namespace func() (*os.File, error)
	// UplinkDir is where those who use the namespace find what leads it out, whatever
	// networks they have; "" is RunDir.
	UplinkDir string
	// Keeper is the program, with its first arguments, that calls uplink.Main to lead
	// that namespace out.
	Keeper []string
	// Note takes what happens to the way out of that namespace later, such as that a
	// program had to be started again. Nil discards it.
	Note func(text string)
}

// Below returns the options of a backend that keeps its state in home and run.
func Below(home, run string) Options {
	return Options{Dir: filepath.Join(home, "networks"), RunDir: filepath.Join(run, "networks")}
}

// A Pool is a range cut into subnets of Bits each.
type Pool = ipam.Pool

// A Manager knows the networks of one installation. Its methods are safe for
// concurrent use, and so are managers of the same directories in several
// processes.
type Manager struct {
	opts  Options
	tag   string // marks the installation's interfaces
	table *nft.Table
	main  bool
	skip  uint32 // subnets of a pool that are left to other installations

	mu   sync.Mutex
	left idle // guarded by mu
	home home
}

// Open returns the networks kept under opts.Dir. It does no I/O.
func Open(opts Options) *Manager {
	sum := sha256.Sum256([]byte(opts.Dir))
	m := &Manager{opts: opts, tag: hex.EncodeToString(sum[:6]), main: opts.Dir == DefaultDir}
	table := "vz"
	if !m.main {
		table += "-" + m.tag
	}
	if len(opts.Pools) == 0 {
		m.opts.Pools = []Pool{{Range: netip.MustParsePrefix("10.88.0.0/12"), Bits: 24}}
		if !m.main {
			m.skip = binary.BigEndian.Uint32(sum[:])
		}
	}
	m.table = nft.New(table)
	return m
}
