package cli

import (
	"context"
	"io"
	"path/filepath"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
	"vz.internal/vzoci"
)

// openImages opens the image store below home and the logins of its registries.
func openImages(home string) (*vzoci.Store, *vzoci.Logins, error) {
	settings := filepath.Join(home, "registries.json")
	store, err := vzoci.Open(filepath.Join(home, "images"), vzoci.WithSettings(settings), vzoci.WithBuiltin(findBox))
	if err != nil {
		return nil, nil, err
	}
	logins, err := vzoci.OpenLogins(vzoci.LoginsOptions{Settings: settings})
	return store, logins, err
}

// findBox returns the program that the image vz:builtin is made of.
func findBox() (string, error) {
	if path, ok := command.Companion("vz-box"); ok {
		return path, nil
	}
	return "", vzcontract.Errorf(vzcontract.ErrUnavailable,
		"vz-box is not beside vz or in $VZ_LIBEXEC; build it with `make build` or `go install vz.internal/vzcli/cmd/vz-box@latest`")
}

// imageStore gives a vzoci.Store the shape that the verbs want.
type imageStore struct{ *vzoci.Store }

var (
	_ command.ImageStore = imageStore{}
	_ command.Logins     = (*vzoci.Logins)(nil)
	_ checker            = imageStore{}
	_ repairer           = imageStore{}
)

// Push implements command.ImageStore.
func (s imageStore) Push(ctx context.Context, ref string, opts command.PushOptions) (string, error) {
	return s.Store.Push(ctx, ref, vzoci.PushOptions{Progress: opts.Progress})
}

// Save implements command.ImageStore.
func (s imageStore) Save(ctx context.Context, w io.Writer, refs []string, opts command.SaveOptions) error {
	return s.Store.Save(ctx, w, refs, vzoci.SaveOptions(opts))
}

// Load implements command.ImageStore.
func (s imageStore) Load(ctx context.Context, r io.Reader) ([]command.LoadedImage, error) {
	found, err := s.Store.Load(ctx, r)
	loaded := make([]command.LoadedImage, 0, len(found))
	for _, f := range found {
		loaded = append(loaded, command.LoadedImage(f))
	}
	return loaded, err
}

// Import implements command.ImageStore.
func (s imageStore) Import(ctx context.Context, r io.Reader, opts command.ImportOptions) (vzcontract.ImageInfo, error) {
	return s.Store.Import(ctx, r, vzoci.ImportOptions(opts))
}

// History implements command.ImageStore.
func (s imageStore) History(ctx context.Context, ref string) ([]command.HistoryEntry, error) {
	steps, err := s.Store.History(ctx, ref)
	entries := make([]command.HistoryEntry, 0, len(steps))
	for _, e := range steps {
		entries = append(entries, command.HistoryEntry(e))
	}
	return entries, err
}

// DiskUsage implements command.ImageStore.
func (s imageStore) DiskUsage(ctx context.Context) (command.ImageUsage, error) {
	u, err := s.Store.DiskUsage(ctx)
	return command.ImageUsage(u), err
}
