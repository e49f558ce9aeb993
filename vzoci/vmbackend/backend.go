package vmbackend

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/container"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// Name is that of the backend.
const Name = container.Name

// Options say where a backend keeps its things and what it works with.
type Options struct {
	// Home is the directory of what stays, Run that of sockets. Both are
	// absolute; Run is short, for the sake of the sockets.
	Home, Run string
	// Images gives the files of images; nil leaves only root directories. One
	// that is a vzcontract.Images or vzcontract.LayerCommitter too serves as
	// such.
	Images vzcontract.RootFSProvider
	// Launch starts the process that runs a machine, which calls owner.Run, and
	// returns when that has called Ready, or why it ended before. The process
	// outlives the caller. A machine that runs already is
	// vzcontract.ErrConflict.
	Launch func(ctx context.Context, machine string) error
	// Volumes are the host's, which containers in machines share with others; nil
	// has volumes of the backend's own.
	Volumes vzcontract.Volumes
	// Networks are the host's, which containers in machines join as others do. With
	// nil each machine has a network of its own, with a way out and published ports;
	// the error of NoNetworks then says why.
	Networks   Networks
	NoNetworks error
	// Bundle is the directory of what guests boot from; empty finds it.
	Bundle string
	// Log takes what is odd and no error. The default discards it.
	Log *slog.Logger
}

// A Backend runs containers in virtual machines. Make one with [Open].
type Backend struct {
	vzcontract.ImagesFunc
	opts    Options
	store   guest.Store
	volumes volumes
	log     *slog.Logger

	mu     sync.Mutex
	guests map[guest.ID]*connection // guarded by mu: those that were reached
	booted map[string]func()        // guarded by mu: lets go of shared machines that this process booted
}

var (
	_ vzcontract.RuntimeBackend = (*Backend)(nil)
	_ vzcontract.Pauser         = (*Backend)(nil)
	_ vzcontract.Renamer        = (*Backend)(nil)
	_ vzcontract.Updater        = (*Backend)(nil)
	_ vzcontract.Topper         = (*Backend)(nil)
	_ vzcontract.Statser        = (*Backend)(nil)
	_ vzcontract.Copier         = (*Backend)(nil)
	_ vzcontract.FileManager    = (*Backend)(nil)
	_ vzcontract.Dialer         = (*Backend)(nil)
	_ vzcontract.FileWatcher    = (*Backend)(nil)
	_ vzcontract.Differ         = (*Backend)(nil)
	_ vzcontract.Committer      = (*Backend)(nil)
	_ vzcontract.Images         = (*Backend)(nil)
	_ vzcontract.Volumes        = (*Backend)(nil)
	_ vzcontract.Networks       = (*Backend)(nil)
	_ vzcontract.Checkpointer   = (*Backend)(nil)
)

// Open returns the backend that keeps its state below opts.Home. It does no I/O.
func Open(opts Options) (*Backend, error) {
	if !filepath.IsAbs(opts.Home) || !filepath.IsAbs(opts.Run) {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "open vm backend: home %q and run %q must be absolute paths", opts.Home, opts.Run)
	}
	if opts.Launch == nil {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "open vm backend: nothing launches machines")
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	b := &Backend{
		opts: opts, store: guest.At(opts.Home, opts.Run), volumes: volumes{dir: filepath.Join(opts.Home, "guest-volumes")}, log: opts.Log,
		guests: map[guest.ID]*connection{}, booted: map[string]func(){},
	}
	b.ImagesFunc = b.images
	return b, nil
}

// BackendName implements vzcontract.Identity.
func (b *Backend) BackendName() string { return Name }

// Isolation implements vzcontract.Identity.
func (b *Backend) Isolation() vzcontract.Isolation { return vzcontract.IsolationFull }

// Capabilities implements vzcontract.Identity.
func (b *Backend) Capabilities() vzcontract.Capabilities {
	missing := map[vzcontract.Feature]string{}
	if b.opts.Networks == nil {
		missing[vzcontract.FeatureNetworks] = b.noNetworks().Error()
	}
	if _, ok := b.opts.Images.(vzcontract.Images); !ok {
		missing[vzcontract.FeatureImages] = noImages
	}
	if _, ok := b.opts.Images.(vzcontract.LayerCommitter); !ok {
		missing[vzcontract.FeatureCommit] = noImages
	}
	return vzcontract.Capabilities{Missing: missing}
}

const noImages = "the backend was opened without an image store"

// Close implements vzcontract.RuntimeBackend. Machines go on.
func (b *Backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for _, c := range b.guests {
		errs = append(errs, c.close())
	}
	b.guests = map[guest.ID]*connection{}
	return errors.Join(errs...)
}

// failure names the operation and the container of an error.
func failure(op, name string, err error) error {
	if err == nil {
		return nil
	}
	typed := new(vzcontract.Error)
	if errors.As(err, &typed) {
		return err
	}
	return &vzcontract.Error{Op: op, Kind: "container", Name: name, Class: vzcontract.SentinelOf(vzcontract.CodeOf(err)), Err: err}
}
