package system

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// Mount mounts a share. The device may be on its way, so it tries until ctx ends:
// a new device tells nobody who has no netlink socket open, and tries are cheap.
func Mount(ctx context.Context, req agentproto.MountRequest) error {
	flags := uintptr(unix.MS_NODEV)
	if req.ReadOnly {
		flags |= unix.MS_RDONLY
	}
	data, source := "", func() (string, error) { return req.Tag, nil }
	switch req.Kind {
	case "ext4":
		// Blocks that no file has used yet are of no interest to the host. What
		// was written a second ago outlives a guest that is ended at once, and no
		// file is there without its content.
		data, source = "noinit_itable,nodelalloc,commit=1", func() (string, error) { return disk(req.Tag) }
	case "bind":
		return bind(req)
	case "virtiofs":
	case "9p":
		data = "trans=virtio,version=9p2000.L,msize=512000,cache=none"
	default:
		return vzcontract.Errorf(vzcontract.ErrValidation, "mount a share of kind %q: virtiofs, 9p, ext4 and bind are known", req.Kind)
	}
	if req.Tag == "" || len(req.Tag) > 36 || strings.ContainsAny(req.Tag, ",\x00") {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%q is no tag of a share", req.Tag)
	}
	if err := os.MkdirAll(req.Path, 0o755); err != nil {
		return err
	}
	for wait := 2 * time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		from, err := source()
		if err == nil {
			err = unix.Mount(from, req.Path, req.Kind, flags, data)
		}
		if err == nil {
			return nil
		}
		// ENXIO, EINVAL and ENOENT are how the two say that there is no such tag.
		if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENXIO) {
			return fmt.Errorf("mount %s at %s: %w", req.Tag, req.Path, err)
		}
		select {
		case <-ctx.Done():
			return vzcontract.Errorf(vzcontract.ErrTimeout, "mount %s at %s: %w", req.Tag, req.Path, err)
		case <-time.After(wait):
		}
	}
}

// bind shows a directory of the guest, such as one of a share, at another place too.
func bind(req agentproto.MountRequest) error {
	if !filepath.IsAbs(req.Tag) {
		return vzcontract.Errorf(vzcontract.ErrValidation, "bind %q: it is no absolute path", req.Tag)
	}
	if err := unix.Mount(req.Tag, req.Path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s at %s: %w", req.Tag, req.Path, err)
	}
	if !req.ReadOnly {
		return nil
	}
	return unix.Mount("", req.Path, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
}

// disk returns the device of the disk whose serial number is id.
func disk(id string) (string, error) {
	found, err := filepath.Glob("/sys/block/vd*/serial")
	if err != nil {
		return "", err
	}
	for _, path := range found {
		if text, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(text)) == id {
			return filepath.Join("/dev", filepath.Base(filepath.Dir(path))), nil
		}
	}
	return "", fmt.Errorf("find disk %s: %w", id, unix.ENOENT)
}

// Unmount unmounts what is at path. A busy file system is an error.
func Unmount(path string) error {
	err := unix.Unmount(path, unix.UMOUNT_NOFOLLOW)
	switch {
	case errors.Is(err, unix.EINVAL):
		return vzcontract.Errorf(vzcontract.ErrNotFound, "nothing is mounted at %s", path)
	case errors.Is(err, unix.EBUSY):
		return vzcontract.Errorf(vzcontract.ErrConflict, "unmount %s: it is in use", path)
	case err != nil:
		return fmt.Errorf("unmount %s: %w", path, err)
	}
	return nil
}

// Eject switches off the slot of a PCI device, which the host then removes at once.
func Eject(slot int) error {
	if slot < 0 || slot > 255 {
		return vzcontract.Errorf(vzcontract.ErrValidation, "there is no slot %d", slot)
	}
	err := os.WriteFile(fmt.Sprintf("/sys/bus/pci/slots/%d/power", slot), []byte("0"), 0)
	if errors.Is(err, os.ErrNotExist) {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "eject slot %d: %w", slot, err)
	}
	return err
}
