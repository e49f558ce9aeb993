package system

import (
	"context"
	"errors"
	"fmt"
	"os"
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
	data := ""
	switch req.Kind {
	case "virtiofs":
	case "9p":
		data = "trans=virtio,version=9p2000.L,msize=512000,cache=none"
	default:
		return vzcontract.Errorf(vzcontract.ErrValidation, "mount a share of kind %q: virtiofs and 9p are known", req.Kind)
	}
	if req.Tag == "" || len(req.Tag) > 36 || strings.ContainsAny(req.Tag, ",\x00") {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%q is no tag of a share", req.Tag)
	}
	if err := os.MkdirAll(req.Path, 0o755); err != nil {
		return err
	}
	for wait := 2 * time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		err := unix.Mount(req.Tag, req.Path, req.Kind, flags, data)
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
