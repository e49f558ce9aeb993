package vzlinuxnative

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/network"
	"vz.internal/vzlinuxnative/rootless"
)

// Options say where a backend keeps its things and what it works with.
type Options struct {
	// Home is the directory of the records, Run that of sockets and locks.
	// Both are absolute.
	Home, Run string
	// Images gives the files of images; nil leaves only root directories. One
	// that is a vzcontract.Images or vzcontract.LayerCommitter too serves as
	// such.
	Images vzcontract.RootFSProvider
	// Monitor is the program, with its first arguments, that becomes the
	// monitor of a container. The default is vz-monitor beside this program or
	// in $VZ_LIBEXEC, else this program with "internal monitor", which must
	// then call [MonitorMain].
	Monitor []string
	// VolumeUsers tells the ids of containers of other backends that use a volume;
	// nil is none.
	VolumeUsers func(volume string) ([]string, error)
	// Sync writes down what was copied for a checkpoint, a restore or a fork before
	// it takes its place, where the kernel may be killed as a process is: in a
	// virtual machine. Nil leaves that to the kernel.
	Sync func() error
	// Log takes what is odd and no error, such as damaged records. The default
	// discards it.
	Log *slog.Logger
}

// A Backend runs containers on this host's kernel. Make one with [Open].
type Backend struct {
	vzcontract.NoSharedVM
	vzcontract.ImagesFunc
	opts  Options
	store *record.Store
	nets  *network.Manager
	log   *slog.Logger

	mu    sync.Mutex
	spare <-chan *spawned // one comes, or nil; guarded by mu
}

var (
	_ vzcontract.RuntimeBackend = (*Backend)(nil)
	_ vzcontract.Images         = (*Backend)(nil)
)

// Open returns the backend that keeps its state below opts.Home. It does no
// I/O; directories are made when they are needed.
func Open(opts Options) (*Backend, error) {
	if !filepath.IsAbs(opts.Home) || !filepath.IsAbs(opts.Run) {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "open native backend: home %q and run %q must be absolute paths", opts.Home, opts.Run)
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	b := &Backend{opts: opts, store: record.New(opts.Home), log: opts.Log}
	b.nets = network.Open(b.networkOptions())
	b.ImagesFunc = b.images
	return b, nil
}

// networkOptions say where networks are: those of an ordinary user in the user's session.
func (b *Backend) networkOptions() network.Options {
	opts := network.Below(b.opts.Home, b.opts.Run)
	if _, in := rootless.User(); !in {
		return opts
	}
	opts.Namespace = rootless.NetNS
	opts.UplinkDir = rootless.Dir()
	opts.Note = func(text string) { b.log.Warn(text) }
	if program, err := b.monitorProgram(); err == nil {
		opts.Keeper = append(program, "uplink")
	}
	return opts
}

// Name is that of the backend.
const Name = "linux-native"

// BackendName implements vzcontract.Identity.
func (b *Backend) BackendName() string { return Name }

// Isolation implements vzcontract.Identity.
func (b *Backend) Isolation() vzcontract.Isolation { return vzcontract.IsolationContainer }

// Capabilities implements vzcontract.Identity.
func (b *Backend) Capabilities() vzcontract.Capabilities {
	missing := map[vzcontract.Feature]string{vzcontract.FeatureDiskLimit: noDiskLimit}
	if _, ok := b.opts.Images.(vzcontract.Images); !ok {
		missing[vzcontract.FeatureImages] = noImages
	}
	if why := cgroup.Denied(); why != "" {
		missing[vzcontract.FeaturePause], missing[vzcontract.FeatureStats] = why, why
	}
	return vzcontract.Capabilities{Missing: missing}
}

// Close implements vzcontract.RuntimeBackend. Monitors and containers go on.
func (b *Backend) Close() error {
	drop(b.swapSpare(nil))
	return nil
}

// runDir is where a container's socket is.
func (b *Backend) runDir(id string) string { return filepath.Join(b.opts.Run, "containers", id) }

// failure names the operation and the container of an error.
func failure(op, name string, err error) error {
	if err == nil {
		return nil
	}
	typed := new(vzcontract.Error)
	if errors.As(err, &typed) && typed.Op == op {
		return err
	}
	return &vzcontract.Error{Op: op, Kind: "container", Name: name, Class: vzcontract.SentinelOf(vzcontract.CodeOf(err)), Err: err}
}

// find returns the id of a container.
func (b *Backend) find(op, ref string) (string, error) {
	id, err := b.store.Find(ref)
	return id, failure(op, ref, err)
}

// Find returns the id of a container, and whether ref is its name or id and no
// beginning of one.
func (b *Backend) Find(_ context.Context, ref string) (id string, exact bool, err error) {
	ref = strings.TrimPrefix(ref, "/")
	if id, err = b.find("find", ref); err != nil || id == ref || len(ref) > len(id) || id[:len(ref)] != ref {
		return id, err == nil, err
	}
	st, err := b.store.State(id) // ref may be both, a name and the beginning of its id
	return id, err == nil && st.Name == ref, err
}

// monitorProgram returns the argv of a monitor.
func (b *Backend) monitorProgram() ([]string, error) {
	if len(b.opts.Monitor) > 0 {
		return b.opts.Monitor, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{os.Getenv("VZ_LIBEXEC"), filepath.Dir(self)} {
		if dir == "" {
			continue
		}
		path := filepath.Join(dir, "vz-monitor")
		if _, err := os.Stat(path); err == nil {
			return []string{path}, nil
		}
	}
	return []string{self, "internal", "monitor"}, nil
}

// Cgroups tells who makes the cgroups of containers, "cgroupfs" or "systemd", or "none"
// where they have none, the version of the host's, "1" or "2", and the controllers that
// they can use, such as "memory".
func (b *Backend) Cgroups() (driver, version string, controllers []string) {
	driver, version, controllers = cgroup.Driver(), "1", cgroup.Controllers()
	if cgroup.Denied() != "" {
		driver, controllers = "none", nil
	}
	if cgroup.HostMode() == cgroup.V2 {
		version = "2"
	}
	return driver, version, controllers
}
