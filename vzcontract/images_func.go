package vzcontract

import "context"

// An ImagesFunc is the [Images] of a backend that leaves them to a store: each
// method asks the function for the store first, and returns its error if it has none.
type ImagesFunc func(ctx context.Context) (Images, error)

var (
	_ Images        = ImagesFunc(nil)
	_ ImagesRemover = ImagesFunc(nil)
)

// PullImage implements Images.
func (f ImagesFunc) PullImage(ctx context.Context, ref string, opts PullOptions) (info ImageInfo, err error) {
	store, err := f(ctx)
	if err != nil {
		return info, err
	}
	return store.PullImage(ctx, ref, opts)
}

// ListImages implements Images.
func (f ImagesFunc) ListImages(ctx context.Context) ([]ImageInfo, error) {
	store, err := f(ctx)
	if err != nil {
		return nil, err
	}
	return store.ListImages(ctx)
}

// InspectImage implements Images.
func (f ImagesFunc) InspectImage(ctx context.Context, ref string) (info ImageInfo, err error) {
	store, err := f(ctx)
	if err != nil {
		return info, err
	}
	return store.InspectImage(ctx, ref)
}

// RemoveImage implements Images.
func (f ImagesFunc) RemoveImage(ctx context.Context, ref string, opts RemoveImageOptions) ([]RemovedImage, error) {
	store, err := f(ctx)
	if err != nil {
		return nil, err
	}
	return store.RemoveImage(ctx, ref, opts)
}

// RemoveImages implements ImagesRemover.
func (f ImagesFunc) RemoveImages(ctx context.Context, refs []string, opts RemoveImageOptions, done func(ref string, removed []RemovedImage, err error)) error {
	store, err := f(ctx)
	if err != nil {
		return err
	}
	return RemoveImages(ctx, store, refs, opts, done)
}

// PruneImages implements Images.
func (f ImagesFunc) PruneImages(ctx context.Context, opts PruneImagesOptions) (report PruneReport, err error) {
	store, err := f(ctx)
	if err != nil {
		return report, err
	}
	return store.PruneImages(ctx, opts)
}
