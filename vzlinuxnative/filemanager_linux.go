package vzlinuxnative

import (
	"context"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/rootview"
)

var _ vzcontract.FileManager = (*Backend)(nil)

// ListDir implements vzcontract.FileManager.
func (b *Backend) ListDir(ctx context.Context, ref, dir string) (list []vzcontract.PathStat, err error) {
	const op = "list files of"
	if err := vzcontract.CheckFilePath(dir); err != nil {
		return nil, failure(op, ref, err)
	}
	err = b.withPath(ctx, op, ref, dir, false, func(at place) error {
		list, err = rootview.List(ctx, at.root, at.path)
		return err
	})
	return list, err
}

// MakeDir implements vzcontract.FileManager.
func (b *Backend) MakeDir(ctx context.Context, ref, dir string, mode uint32) error {
	const op = "make directory in"
	if err := vzcontract.CheckFilePath(dir); err != nil {
		return failure(op, ref, err)
	}
	return b.withPath(ctx, op, ref, dir, true, func(at place) error { return rootview.MakeDir(at.root, at.path, mode) })
}

// RemovePath implements vzcontract.FileManager.
func (b *Backend) RemovePath(ctx context.Context, ref, name string) error {
	const op = "remove file of"
	if err := vzcontract.CheckEntryPath(name); err != nil {
		return failure(op, ref, err)
	}
	return b.withPath(ctx, op, ref, name, true, func(at place) error {
		if err := unmounted(at.c, name); err != nil {
			return err
		}
		return rootview.Remove(ctx, at.root, at.path)
	})
}

// MovePath implements vzcontract.FileManager.
func (b *Backend) MovePath(ctx context.Context, ref, from, to string) error {
	const op = "move file of"
	for _, p := range []string{from, to} {
		if err := vzcontract.CheckEntryPath(p); err != nil {
			return failure(op, ref, err)
		}
	}
	return b.withPath(ctx, op, ref, from, true, func(at place) error {
		for _, p := range []string{from, to} {
			if err := unmounted(at.c, p); err != nil {
				return err
			}
		}
		target, ok := at.beside(to)
		if !ok {
			return vzcontract.Errorf(vzcontract.ErrUnsupported, "%s is in another mount than %s: copy it and remove the original",
				vzcontract.ShownPath(to), vzcontract.ShownPath(from))
		}
		return rootview.Move(at.root, at.path, target)
	})
}
