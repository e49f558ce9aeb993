package vzsandbox

import (
	"context"
	"log/slog"
	"path/filepath"

	"vz.internal/vzcontract"
)

// Options of [New].
type Options struct {
	// Dir is where the records of sandboxes are, absolute, such as
	// $VZ_HOME/sandboxes. It is made when it is needed. All processes that use the
	// same backend give the same one.
	Dir string
	// Root is the directory below which project directories must lie once links are
	// resolved; empty refuses all of them.
	Root string
	// Setup makes the image of a template that has setup commands, or finds it, and
	// returns a reference to it. With nil such templates are refused.
	Setup func(context.Context, SetupRequest) (ref string, err error)
	// Log takes what happens in the background and what is odd, such as damaged
	// records. The default discards it.
	Log *slog.Logger
}

// A SetupRequest says what Options.Setup makes an image from.
type SetupRequest struct {
	Image, Platform string
	Commands        []string // each for `sh -c`, in order
	Env             []string
	User            string
}

// A Host makes, finds and lists sandboxes. Its methods are safe for concurrent use.
// Make one with [New].
type Host struct {
	backend vzcontract.RuntimeBackend
	opts    Options
	records records
	log     *slog.Logger
}

// New returns a host of sandboxes that are containers of backend, which stays the
// caller's to close. It does no I/O.
func New(backend vzcontract.RuntimeBackend, opts Options) (*Host, error) {
	if !filepath.IsAbs(opts.Dir) {
		return nil, invalid("sandboxes: the directory of records %q is not absolute", opts.Dir)
	}
	if opts.Root != "" && !filepath.IsAbs(opts.Root) {
		return nil, invalid("sandboxes: the root of projects %q is not absolute", opts.Root)
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &Host{backend: backend, opts: opts, records: records{opts.Dir}, log: opts.Log}, nil
}

// Open returns the sandbox of that name, id or beginning of an id, whoever made it.
// None is ErrNotFound; so is a container that is no sandbox.
func (h *Host) Open(ctx context.Context, name string) (*Sandbox, error) {
	c, err := h.backend.Inspect(ctx, name)
	if err != nil {
		return nil, err
	}
	f, err := factsOf(c)
	if err != nil {
		return nil, failure("open", name, err)
	}
	return h.sandbox(c, f), nil
}

func (h *Host) sandbox(c vzcontract.ContainerInfo, f facts) *Sandbox {
	return &Sandbox{host: h, id: c.ID, name: c.Name, facts: f}
}

// List returns all sandboxes of the backend, newest first. Records that are damaged are
// moved aside and told by the error, beside the list, which is whole.
func (h *Host) List(ctx context.Context) ([]Info, error) {
	all, err := h.backend.List(ctx)
	if err != nil {
		return nil, err
	}
	var infos []Info
	var damaged []error
	for _, c := range all {
		f, err := factsOf(c)
		if err != nil {
			if isSandbox(c) {
				damaged = append(damaged, failure("list", c.Name, err))
			}
			continue
		}
		info, err := h.info(c, f)
		if err != nil {
			damaged = append(damaged, err)
		}
		infos = append(infos, info)
	}
	return infos, join(damaged)
}
