package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract/statefile"
	"vz.internal/vzlinuxnative/internal/treecopy"
)

// copyFile, in the container's directory, says that merged is a complete copy
// and why it is one.
const copyFile = "copied"

func copyReason(dir string) (string, bool) {
	b, err := statefile.Read(filepath.Join(dir, copyFile))
	return string(b), err == nil
}

// makeCopy fills merged with the layers. It appears whole or not at all.
func makeCopy(o Options, reason string) error {
	fresh := filepath.Join(o.Dir, "merged.new")
	if err := os.RemoveAll(fresh); err != nil { // of one that was killed
		return fmt.Errorf("copy layers: %w", err)
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return fmt.Errorf("copy layers: %w", err)
	}
	dst, err := os.Open(fresh)
	if err != nil {
		return fmt.Errorf("copy layers: %w", err)
	}
	defer dst.Close()
	for _, layer := range slices.Backward(o.Layers) {
		src, err := os.Open(layer)
		if err == nil {
			err = treecopy.Copy(context.Background(), src, dst, treecopy.Options{Layer: true})
			_ = src.Close() // only read from
		}
		if err != nil {
			return fmt.Errorf("copy layer %s: %w", layer, err)
		}
	}
	// A directory there has at most what a killed copy left.
	if err := os.RemoveAll(o.merged()); err != nil {
		return fmt.Errorf("copy layers: %w", err)
	}
	if err := os.Rename(fresh, o.merged()); err != nil {
		return fmt.Errorf("copy layers: %w", err)
	}
	temporary := filepath.Join(o.Dir, copyFile+".new")
	if err := os.WriteFile(temporary, []byte(reason), 0o600); err != nil {
		return fmt.Errorf("copy layers: %w", err)
	}
	if err := os.Rename(temporary, filepath.Join(o.Dir, copyFile)); err != nil {
		return fmt.Errorf("copy layers: %w", err)
	}
	for _, dir := range []string{o.upper(), o.work()} {
		if err := os.RemoveAll(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("copy layers: %w", err)
		}
	}
	return nil
}

// mountCopy mounts the copy on itself, since a root has to be a mount.
func mountCopy(o Options, reason string) (Root, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, o.merged(), unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err == nil {
		defer unix.Close(fd)
		err = unix.MoveMount(fd, "", unix.AT_FDCWD, o.merged(), unix.MOVE_MOUNT_F_EMPTY_PATH)
	}
	if err != nil {
		return Root{}, fmt.Errorf("mount copied root: %w", &os.PathError{Op: "bind", Path: o.merged(), Err: err})
	}
	return Root{Path: o.merged(), Driver: DriverCopy, Data: map[string]string{
		"MergedDir": o.merged(), "Reason": "the layers are copied, not stacked: " + reason,
	}}, nil
}
