package vzsandbox

import (
	"context"

	"vz.internal/vzcontract"
)

// manage runs f with the backend's file manager.
func (s *Sandbox) manage(ctx context.Context, op string, f func(vzcontract.FileManager) error) error {
	m, err := optional[vzcontract.FileManager](s.host, "files", vzcontract.FeatureFiles)
	if err != nil {
		return failure(op, s.name, err)
	}
	done, err := s.use(ctx)
	if err != nil {
		return err
	}
	defer done()
	return f(m)
}

// ReadDir lists a directory, by name. Errors here and below are those of
// vzcontract.FileManager, and ErrUnsupported without AbilityFiles.
func (s *Sandbox) ReadDir(ctx context.Context, dir string) (list []vzcontract.PathStat, err error) {
	err = s.manage(ctx, "list directory of", func(m vzcontract.FileManager) error {
		list, err = m.ListDir(ctx, s.id, s.path(dir))
		return err
	})
	return list, err
}

// MakeDir makes a directory, with those above it that are missing. One that is there is
// no error. mode has the bits of chmod, up to 07777. Root owns it.
func (s *Sandbox) MakeDir(ctx context.Context, dir string, mode uint32) error {
	return s.manage(ctx, "make directory in", func(m vzcontract.FileManager) error { return m.MakeDir(ctx, s.id, s.path(dir), mode) })
}

// RemoveFile removes a file, a link or a directory with all below it.
func (s *Sandbox) RemoveFile(ctx context.Context, path string) error {
	return s.manage(ctx, "remove file of", func(m vzcontract.FileManager) error { return m.RemovePath(ctx, s.id, s.entry(path)) })
}

// Move gives a file or directory another path.
func (s *Sandbox) Move(ctx context.Context, from, to string) error {
	return s.manage(ctx, "move file of", func(m vzcontract.FileManager) error { return m.MovePath(ctx, s.id, s.entry(from), s.entry(to)) })
}

// Watch calls emit for what happens to a file or in a directory, with recursive also below
// it, until emit's error, ctx's end or the sandbox's: see vzcontract.FileWatcher. The first
// event, vzcontract.FileWatching, says that it has begun. The sandbox is in use as long as
// it is watched. Without AbilityWatch it is ErrUnsupported.
func (s *Sandbox) Watch(ctx context.Context, path string, opts vzcontract.WatchOptions, emit func(vzcontract.FileEvent) error) error {
	const op = "watch files of"
	w, err := optional[vzcontract.FileWatcher](s.host, "watch", vzcontract.FeatureWatch)
	if err != nil {
		return failure(op, s.name, err)
	}
	done, err := s.use(ctx)
	if err != nil {
		return err
	}
	defer done()
	at := s.path(path)
	if path == "" || path == "." {
		at = s.Workspace() // as events tell it
	}
	return w.WatchFiles(ctx, s.id, at, opts, emit)
}
