package vzcore

import (
	"context"
	"net"
	"os"

	"vz.internal/vzcore/config"
)

// A Driver opens machines of one hypervisor.
type Driver interface {
	// Name is the driver's, such as "qemu".
	Name() string

	// Version is the hypervisor's, as it counts for saved machines.
	Version(ctx context.Context) (string, error)

	// Open prepares the machine of a valid configuration; nothing runs yet.
	// dir is a directory of its own for files that live as long as it runs.
	// What the driver cannot do is an error that matches
	// vzcontract.ErrUnsupported.
	Open(cfg config.Config, dir string) (Machine, error)
}

// A Machine is one machine of a driver. Its methods are called one at a time, but
// for Dial and Listen, which may be called at any time. Each returns early with
// ctx's error when ctx ends; the machine is then as it was, or ends.
type Machine interface {
	// Start starts the machine. The channel gets one value when it has ended,
	// by whatever: nil if its guest shut down or Stop was called, else why.
	Start(ctx context.Context) (<-chan error, error)

	Pause(ctx context.Context) error
	Resume(ctx context.Context) error

	// RequestStop asks the guest to shut down and does not wait for it.
	RequestStop(ctx context.Context) error

	// Stop ends the machine at once and returns when it has ended.
	Stop(ctx context.Context) error

	// Dial connects to a vsock port of the guest, waiting for the device but
	// not for a listener.
	Dial(ctx context.Context, port uint32) (Conn, error)

	// Listen accepts connections of this guest to a vsock port of the host.
	Listen(port uint32) (net.Listener, error)

	// Close releases all. A machine that runs is stopped.
	Close() error
}

// A Conn is a connection with the guest that can end its sending side alone.
type Conn interface {
	net.Conn
	CloseWrite() error
}

// A Saver is a Machine whose memory and devices can be saved. Files go to and come
// from a directory.
type Saver interface {
	// Save writes a running or paused machine and leaves it paused.
	// Connections with the guest may end.
	Save(ctx context.Context, dir string) error

	// Restore is Start from what Save wrote, with the shares of the configuration
	// plugged but not mounted; the machine is then paused. The network card has the
	// address of the saved one until the guest changes it.
	Restore(ctx context.Context, dir string) (<-chan error, error)
}

// A Describer is a Machine with more that must be the same for a saved machine to be
// restored than its configuration and its driver's version.
type Describer interface {
	// Facts are such things by name, as people read them.
	Facts(ctx context.Context) (map[string]string, error)
}

// A Sharer is a Machine that can be given directories while it runs.
type Sharer interface {
	// Plug gives the guest a share, which it has yet to mount, and says how:
	// "virtiofs" or "9p".
	Plug(ctx context.Context, share config.Share) (kind string, err error)

	// Unplug takes it away again. The guest must have unmounted it. A share
	// that has to stay until the machine ends is an error that matches
	// vzcontract.ErrUnsupported.
	Unplug(ctx context.Context, tag string) error

	// Kind says by which file system a plugged share is mounted, also one
	// that the configuration has; it is empty for no share.
	Kind(tag string) string
}

// A Grower is a Machine with shares that grow: config.Share.Growing.
type Grower interface {
	// AddEntry adds an entry to a share. The guest sees it at once.
	AddEntry(ctx context.Context, tag string, entry config.Entry) error

	// RemoveEntry takes one away. What the guest has open there stays so.
	RemoveEntry(ctx context.Context, tag, name string) error
}

// A Ballooner is a Machine whose guest gives memory back.
type Ballooner interface {
	// SetMemory asks the guest to use no more than bytes.
	SetMemory(ctx context.Context, bytes uint64) error
}

// An EjectFunc has the guest switch the slot of a hot-plugged device off.
type EjectFunc func(ctx context.Context, slot int) error

// An Ejector is a Machine that removes devices faster when the guest helps.
type Ejector interface {
	// SetEject gives it the help of the guest's agent, or takes it with nil.
	SetEject(eject EjectFunc)
}

// A CardFunc returns the host's end of the cable of card n, a tap device's descriptor
// that the machine then closes.
type CardFunc func(n int) (*os.File, error)

// A Carder is a Machine of config.NetworkCards.
type Carder interface {
	// SetCards says who has the cables, before the machine starts.
	SetCards(open CardFunc)

	// PlugCard gives the running guest card n, which it has not. It stays until
	// the machine ends.
	PlugCard(ctx context.Context, n int) error
}
