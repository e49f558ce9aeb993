package file

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// maxEntries is how much of a directory is listed.
const maxEntries = 100_000

// Check returns an error unless path is absolute and usable.
func Check(path string) error {
	if !filepath.IsAbs(path) || strings.ContainsRune(path, 0) {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%q is no absolute path", path)
	}
	return nil
}

// Classify gives an error of the file system its class.
func Classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return vzcontract.Errorf(vzcontract.ErrNotFound, "%w", err)
	case errors.Is(err, fs.ErrExist), errors.Is(err, syscall.ENOTEMPTY), errors.Is(err, syscall.EBUSY):
		return vzcontract.Errorf(vzcontract.ErrConflict, "%w", err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return vzcontract.Errorf(vzcontract.ErrDenied, "%w", err)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENAMETOOLONG):
		return vzcontract.Errorf(vzcontract.ErrValidation, "%w", err)
	}
	return err
}

// Stat describes path without following a symbolic link.
func Stat(path string) (agentproto.FileInfo, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return agentproto.FileInfo{}, err
	}
	return describe(path, info), nil
}

// List describes what is in the directory path.
func List(path string) (agentproto.FileListing, error) {
	var out agentproto.FileListing
	dir, err := os.Open(path)
	if err != nil {
		return out, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(maxEntries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return out, err
	}
	slices.Sort(names)
	if len(names) > maxEntries {
		names, out.More = names[:maxEntries], true
	}
	out.Entries = []agentproto.FileInfo{}
	for _, name := range names {
		info, err := Stat(filepath.Join(path, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has just gone
		}
		if err != nil {
			return out, err
		}
		out.Entries = append(out.Entries, info)
	}
	return out, nil
}

func describe(path string, info fs.FileInfo) agentproto.FileInfo {
	out := agentproto.FileInfo{Name: info.Name(), Kind: kind(info.Mode()), Size: info.Size(), Time: info.ModTime()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		out.Mode, out.UID, out.GID = uint32(st.Mode)&0o7777, st.Uid, st.Gid
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		out.Target, _ = os.Readlink(path)
	}
	return out
}

func kind(mode fs.FileMode) string {
	switch mode.Type() {
	case 0:
		return "file"
	case fs.ModeDir:
		return "directory"
	case fs.ModeSymlink:
		return "symlink"
	case fs.ModeNamedPipe:
		return "pipe"
	case fs.ModeSocket:
		return "socket"
	}
	return "device"
}

// Mkdir makes a directory.
func Mkdir(req agentproto.MkdirRequest) error {
	mode := fs.FileMode(req.Mode & 0o777)
	if req.Parents {
		return os.MkdirAll(req.Path, mode)
	}
	if err := os.Mkdir(req.Path, mode); err != nil {
		return err
	}
	return os.Chmod(req.Path, mode) // the umask does not count
}

// Remove removes a file, an empty directory or a tree. A missing one is an error.
func Remove(req agentproto.RemoveRequest) error {
	if filepath.Clean(req.Path) == "/" {
		return vzcontract.Errorf(vzcontract.ErrValidation, "the root directory cannot be removed")
	}
	if !req.Tree {
		return os.Remove(req.Path)
	}
	if _, err := os.Lstat(req.Path); err != nil {
		return err
	}
	return os.RemoveAll(req.Path)
}
