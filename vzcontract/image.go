package vzcontract

import (
	"context"
	"io"
	"time"
)

// Images is a store of OCI images.
type Images interface {
	// PullImage fetches ref as opts.Policy says and returns what is now in
	// the store. Unknown: ErrNotFound; wrong credentials: ErrDenied;
	// registry down: ErrUnavailable.
	PullImage(ctx context.Context, ref string, opts PullOptions) (ImageInfo, error)
	ListImages(ctx context.Context) ([]ImageInfo, error)
	// InspectImage takes a reference, a digest or an id prefix.
	InspectImage(ctx context.Context, ref string) (ImageInfo, error)
	// RemoveImage removes one reference, or with an id all references and
	// the image. An image that a container uses is ErrConflict unless force.
	RemoveImage(ctx context.Context, ref string, opts RemoveImageOptions) ([]RemovedImage, error)
	// PruneImages removes dangling images (all unused ones with opts.All)
	// and every blob, layer and partial download that nothing refers to.
	PruneImages(ctx context.Context, opts PruneImagesOptions) (PruneReport, error)
}

// PullOptions of Images.PullImage.
type PullOptions struct {
	Policy   PullPolicy
	Platform string // os/arch[/variant]; empty is the host's
	// Progress, when set, is called often and from several goroutines.
	Progress func(PullProgress)
}

// PullProgress is the state of one blob of a pull.
type PullProgress struct {
	Digest string
	Phase  string // "waiting", "downloading", "unpacking", "done", "exists"
	Done   int64  // bytes
	Total  int64  // bytes; 0 is unknown
}

// ImageConfig is the part of an OCI image config that running it needs.
type ImageConfig struct {
	Entrypoint   []string          `json:"entrypoint,omitempty"`
	Cmd          []string          `json:"cmd,omitempty"`
	Env          []string          `json:"env,omitempty"`
	User         string            `json:"user,omitempty"`
	WorkingDir   string            `json:"workingDir,omitempty"`
	ExposedPorts []string          `json:"exposedPorts,omitempty"` // "80/tcp"
	Volumes      []string          `json:"volumes,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	StopSignal   string            `json:"stopSignal,omitempty"`
	Shell        []string          `json:"shell,omitempty"`
	OnBuild      []string          `json:"onBuild,omitempty"`
	Health       *HealthCheck      `json:"health,omitempty"`
}

// ImageInfo describes an image in a store.
type ImageInfo struct {
	ID           string      `json:"id"`         // sha256:… of the config
	Digest       string      `json:"digest"`     // sha256:… of the manifest
	References   []string    `json:"references"` // familiar names with tags
	RepoDigests  []string    `json:"repoDigests,omitempty"`
	OS           string      `json:"os"`
	Architecture string      `json:"architecture"`
	Variant      string      `json:"variant,omitempty"`
	Created      time.Time   `json:"created,omitzero"`
	Author       string      `json:"author,omitempty"`
	Comment      string      `json:"comment,omitempty"`
	Size         int64       `json:"size"` // bytes on disk, unpacked
	DiffIDs      []string    `json:"diffIDs"`
	Config       ImageConfig `json:"config"`
}

// An ImagesRemover is an [Images] that removes many for less than one after another
// costs. It is optional; see [RemoveImages].
type ImagesRemover interface {
	// RemoveImages does what RemoveImage does for each; done gets the outcome of one.
	// Its own error is why the rest stays.
	RemoveImages(ctx context.Context, refs []string, opts RemoveImageOptions, done func(ref string, removed []RemovedImage, err error)) error
}

// RemoveImages removes several images, as an [ImagesRemover] where images is one.
func RemoveImages(ctx context.Context, images Images, refs []string, opts RemoveImageOptions, done func(ref string, removed []RemovedImage, err error)) error {
	if r, ok := images.(ImagesRemover); ok {
		return r.RemoveImages(ctx, refs, opts, done)
	}
	for _, ref := range refs {
		if err := ctx.Err(); err != nil {
			return err
		}
		removed, err := images.RemoveImage(ctx, ref, opts)
		done(ref, removed, err)
	}
	return nil
}

// RemoveImageOptions of Images.RemoveImage.
type RemoveImageOptions struct {
	Force   bool
	NoPrune bool // keep untagged parents and layers
}

// RemovedImage says what one step of a removal did; one field is set.
type RemovedImage struct {
	Untagged string `json:"untagged,omitempty"`
	Deleted  string `json:"deleted,omitempty"`
}

// PruneImagesOptions of Images.PruneImages.
type PruneImagesOptions struct {
	All     bool
	Filters map[string][]string // "label", "label!", "until"
}

// PruneReport says what a prune removed.
type PruneReport struct {
	Removed []string `json:"removed"`
	Freed   int64    `json:"freed"` // bytes
}

// A RootFSProvider gives a backend the files of images. It is implemented by
// image stores and used by backends, so that neither imports the other.
type RootFSProvider interface {
	// RootFS applies the pull policy, makes sure that the layers are unpacked
	// and returns them. The image stays in the store as long as the lease
	// named owner exists (a container's id); the lease is made first.
	RootFS(ctx context.Context, req RootFSRequest) (RootFS, error)
	// ReleaseRootFS ends a lease; an unknown owner is a no-op.
	ReleaseRootFS(ctx context.Context, owner string) error
}

// RootFSRequest asks for an image's root.
type RootFSRequest struct {
	Ref      string
	Platform string
	Policy   PullPolicy
	Owner    string
	Progress func(PullProgress)
}

// RootFS is an image ready to be stacked.
type RootFS struct {
	Image ImageInfo
	// Layers are absolute directories, top layer first, in overlayfs form:
	// whiteouts are 0:0 character devices, opaque directories carry
	// trusted.overlay.opaque=y.
	Layers []string
}

// A LayerCommitter makes an image from a base and one more layer.
type LayerCommitter interface {
	// CommitLayer adds the tar stream (OCI layer with .wh. whiteouts) on top
	// of the image with id base ("" for none) and gives it a tag.
	CommitLayer(ctx context.Context, req CommitLayerRequest) (ImageInfo, error)
}

// CommitLayerRequest describes a commit. Config replaces the base's.
type CommitLayerRequest struct {
	Base                       string
	Ref                        string
	Author, Comment, CreatedBy string
	Config                     ImageConfig
	Layer                      io.Reader
}
