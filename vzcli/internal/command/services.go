package command

import (
	"context"
	"io"
	"time"

	"vz.internal/vzcontract"
)

// Services are what the verbs work with. A nil field is not there on this
// backend; the Need functions say so.
type Services struct {
	Home, Run string
	Backend   vzcontract.RuntimeBackend
	Images    vzcontract.Images
	Store     ImageStore
	Logins    Logins
	// Host tells what the backend has found out about this machine; nil where containers
	// are elsewhere.
	Host func() Host
}

// A Host is what containers get from the machine, in docker's words.
type Host struct {
	// CgroupDriver is "cgroupfs", "systemd" or "none"; CgroupVersion "1" or "2".
	CgroupDriver, CgroupVersion string
	// Controllers are those of cgroups that containers can use.
	Controllers []string
	// SecurityOptions are what holds for containers by default.
	SecurityOptions []string
}

// An ImageStore is what an image store does besides vzcontract.Images.
type ImageStore interface {
	Push(ctx context.Context, ref string, opts PushOptions) (digest string, err error)
	Tag(ctx context.Context, source, target string) error
	// Save writes images as an archive that Docker and OCI tools load.
	Save(ctx context.Context, w io.Writer, refs []string, opts SaveOptions) error
	// Load reads such an archive and returns what it held.
	Load(ctx context.Context, r io.Reader) ([]LoadedImage, error)
	// Import makes an image of one layer from a root file system's tar.
	Import(ctx context.Context, r io.Reader, opts ImportOptions) (vzcontract.ImageInfo, error)
	History(ctx context.Context, ref string) ([]HistoryEntry, error)
	DiskUsage(ctx context.Context) (ImageUsage, error)
}

// PushOptions of ImageStore.Push.
type PushOptions struct {
	Platform string
	Progress func(vzcontract.PullProgress)
}

// SaveOptions of ImageStore.Save.
type SaveOptions struct {
	// Format is "docker" or "oci".
	Format   string
	Platform string
}

// A LoadedImage is one image of an archive; Ref is empty for one without a name.
type LoadedImage struct{ Ref, ID string }

// ImportOptions of ImageStore.Import.
type ImportOptions struct {
	Ref, Message, Platform string
	Changes                []string
}

// A HistoryEntry is one step of an image, newest first.
type HistoryEntry struct {
	ID        string
	Created   time.Time
	CreatedBy string
	Size      int64
	Comment   string
	Empty     bool
}

// ImageUsage is how much space the store takes.
type ImageUsage struct {
	Images      int
	Active      int
	Size        int64
	Reclaimable int64
	// Caches are downloads that nothing refers to yet.
	Caches int64
}

// Logins keeps credentials of registries.
type Logins interface {
	// Login checks the credentials with the registry and keeps them.
	Login(ctx context.Context, server, user, password string) error
	// Logout forgets them; it reports whether there were any.
	Logout(ctx context.Context, server string) (bool, error)
}

// Checks look at what the host can do and in what state vz's own files are.
type Checks interface {
	Check(env *Env) ([]CheckResult, error)
	// Repair puts right what it can and says what it did.
	Repair(env *Env) ([]string, error)
}

// A CheckResult is what one check found.
type CheckResult struct {
	Name   string `json:"name"`
	Status string `json:"status"` // "ok", "warning", "missing" or "failed"
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"`
}

// Need returns the optional ability T of the backend, or an error that says
// why it is not there.
func Need[T any](s *Services, what vzcontract.Feature) (T, error) {
	t, ok := s.Backend.(T)
	if why, missing := s.Backend.Capabilities().Missing[what]; missing {
		return t, vzcontract.Errorf(vzcontract.ErrUnsupported, "%s: not on backend %s: %s", what, s.Backend.BackendName(), why)
	}
	if !ok {
		return t, vzcontract.Errorf(vzcontract.ErrUnsupported, "%s: backend %s cannot do it", what, s.Backend.BackendName())
	}
	return t, nil
}

// NeedStore returns the image store, or an error where there is none.
func (s *Services) NeedStore() (ImageStore, error) {
	if s.Store == nil {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "backend %s has no image store of its own", s.Backend.BackendName())
	}
	return s.Store, nil
}

// ContainerNames maps ids to names; it is empty where listing fails.
func ContainerNames(ctx context.Context, s *Services) map[string]string {
	names := map[string]string{}
	all, err := s.Backend.List(ctx)
	if err != nil {
		return names // ids serve as well
	}
	for _, c := range all {
		names[c.ID] = c.Name
	}
	return names
}
