package vzf

import (
	"context"
	"os"
	"slices"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
)

// shareKind is the file system by which all shares are mounted.
const shareKind = "virtiofs"

// present looks whether what is shared exists. The framework shares directories alone.
func present(shares []config.Share) error {
	for _, t := range trees(shares) {
		for _, d := range t.dirs {
			info, err := os.Stat(d.path)
			if err != nil {
				return vzcontract.Errorf(vzcontract.ErrNotFound, "share %s: %w", t.tag, err)
			}
			if !info.IsDir() {
				return vzcontract.Errorf(vzcontract.ErrUnsupported, "share %s: %s is a file: Virtualization.framework shares directories alone; share the one that it is in", t.tag, d.path)
			}
		}
	}
	return nil
}

func (m *machine) share(tag string) (config.Share, bool) {
	i := slices.IndexFunc(m.config.Shares, func(s config.Share) bool { return s.Tag == tag })
	if i < 0 {
		return config.Share{}, false
	}
	return m.config.Shares[i], true
}

// Kind implements vzcore.Sharer.
func (m *machine) Kind(tag string) string {
	if _, err := m.present(); err != nil {
		return ""
	}
	if _, ok := m.share(tag); ok {
		return shareKind
	}
	return ""
}

// Plug implements vzcore.Sharer.
func (m *machine) Plug(_ context.Context, s config.Share) (string, error) {
	if m.Kind(s.Tag) != "" {
		return "", vzcontract.Errorf(vzcontract.ErrConflict, "the share %q is plugged", s.Tag)
	}
	return "", vzcontract.Errorf(vzcontract.ErrUnsupported, "plug the share %s: Virtualization.framework adds no share to a running machine; stop it, and start it with the share", s.Tag)
}

// Unplug implements vzcore.Sharer.
func (m *machine) Unplug(_ context.Context, tag string) error {
	if m.Kind(tag) == "" {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "there is no share %q", tag)
	}
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "unplug %s: a share of Virtualization.framework stays until the machine ends", tag)
}

// AddEntry implements vzcore.Grower for what the share has had from the start.
func (m *machine) AddEntry(_ context.Context, tag string, e config.Entry) error {
	s, err := m.growing(tag)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(s.Entries, func(have config.Entry) bool {
		return have.Name == e.Name && have.Source == e.Source && (s.ReadOnly || have.ReadOnly) == (s.ReadOnly || e.ReadOnly)
	}) {
		return nil
	}
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "add %s to the share %s: directory shares cannot be swapped on a running machine of Virtualization.framework; stop it, and start it with the directory", e.Source, tag)
}

// RemoveEntry implements vzcore.Grower.
func (m *machine) RemoveEntry(_ context.Context, tag, name string) error {
	s, err := m.growing(tag)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(s.Entries, func(e config.Entry) bool { return e.Name == name }) {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "the share %s has no entry %q", tag, name)
	}
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "take %s out of the share %s: what a share of Virtualization.framework holds stays until the machine ends", name, tag)
}

func (m *machine) growing(tag string) (config.Share, error) {
	if _, err := m.present(); err != nil {
		return config.Share{}, err
	}
	if s, ok := m.share(tag); ok && s.Growing {
		return s, nil
	}
	return config.Share{}, vzcontract.Errorf(vzcontract.ErrNotFound, "there is no share %q that grows", tag)
}
