package provision

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"vz.internal/vzcontract"
)

// A Mounter mounts the data volume of a macOS guest's disk.
type Mounter interface {
	// Mount mounts the volume of the image at path, so that owners of files count. The
	// guest does not run meanwhile.
	Mount(ctx context.Context, image string) (Volume, error)
}

// A Volume is mounted until it is closed.
type Volume interface {
	Root() string
	Close() error
}

// Disks mounts with hdiutil and diskutil. Run runs a program and returns what it prints;
// a nil one, as on all systems but macOS, makes Mount fail with an error that matches
// vzcontract.ErrUnsupported.
type Disks struct {
	Run func(ctx context.Context, program string, args ...string) ([]byte, error)
}

var _ Mounter = Disks{}

// detachTime bounds what is done after an interrupt.
const detachTime = time.Minute

type mounted struct {
	disks       Disks
	disk, root  string // such as /dev/disk4
	isUnmounted bool
}

// Mount implements Mounter.
func (d Disks) Mount(ctx context.Context, image string) (Volume, error) {
	if d.Run == nil {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "mount the disk of a macOS guest: only macOS can, with hdiutil and diskutil")
	}
	out, err := d.Run(ctx, "hdiutil", "attach", "-plist", "-nomount", "-readwrite", "-noverify", "-noautofsck",
		"-imagekey", "diskimage-class=CRawDiskImage", image)
	if err != nil {
		return nil, fmt.Errorf("attach %s: %w", image, err)
	}
	disk, stores, err := attached(out)
	if err != nil {
		return nil, fmt.Errorf("attach %s: %w", image, err)
	}
	m := &mounted{disks: d, disk: disk, isUnmounted: true}
	if err := m.mount(ctx, stores); err != nil {
		return nil, errors.Join(fmt.Errorf("mount the data volume of %s: %w", image, err), m.Close())
	}
	return m, nil
}

// attached reads what hdiutil says: the whole disk, and its parts without /dev/.
func attached(out []byte) (disk string, parts []string, err error) {
	var answer struct {
		Entities []struct {
			Device string `plist:"dev-entry"`
			Hint   string `plist:"content-hint"`
		} `plist:"system-entities"`
	}
	if err := decode(out, &answer); err != nil {
		return "", nil, fmt.Errorf("read what hdiutil says: %w", err)
	}
	for _, e := range answer.Entities {
		name := strings.TrimPrefix(e.Device, "/dev/")
		if strings.Contains(e.Hint, "partition_scheme") {
			disk = "/dev/" + name
		}
		parts = append(parts, name)
	}
	if disk == "" {
		return "", nil, vzcontract.Errorf(vzcontract.ErrConflict, "it has no partitions: macOS is not installed on it")
	}
	return disk, parts, nil
}

// mount mounts the volume with the user's files of the container on one of the parts.
func (m *mounted) mount(ctx context.Context, parts []string) error {
	out, err := m.disks.Run(ctx, "diskutil", "apfs", "list", "-plist")
	if err != nil {
		return err
	}
	volume, err := dataVolume(out, parts)
	if err != nil {
		return err
	}
	if m.root, err = os.MkdirTemp("", "vz-provision-"); err != nil {
		return err
	}
	if _, err := m.disks.Run(ctx, "diskutil", "mount", "-mountPoint", m.root, volume); err != nil {
		return err
	}
	m.isUnmounted = false
	_, err = m.disks.Run(ctx, "diskutil", "enableOwnership", volume)
	return err
}

// dataVolume finds the volume in what diskutil says. Containers on other disks, such as
// the host's own, are never looked at.
func dataVolume(out []byte, parts []string) (string, error) {
	var answer struct {
		Containers []struct {
			Stores []struct {
				Device string `plist:"DeviceIdentifier"`
			} `plist:"PhysicalStores"`
			Volumes []struct {
				Device string   `plist:"DeviceIdentifier"`
				Roles  []string `plist:"Roles"`
				Locked bool     `plist:"Locked"`
			} `plist:"Volumes"`
		} `plist:"Containers"`
	}
	if err := decode(out, &answer); err != nil {
		return "", fmt.Errorf("read what diskutil says: %w", err)
	}
	var found []string
	for _, c := range answer.Containers {
		ours := len(c.Stores) > 0
		for _, s := range c.Stores {
			ours = ours && slices.Contains(parts, s.Device)
		}
		if !ours {
			continue
		}
		for _, v := range c.Volumes {
			if !slices.Contains(v.Roles, "Data") {
				continue
			}
			if v.Locked {
				return "", vzcontract.Errorf(vzcontract.ErrConflict, "it is locked with FileVault; provision before that is switched on")
			}
			found = append(found, v.Device)
		}
	}
	if len(found) != 1 || found[0] == "" {
		return "", vzcontract.Errorf(vzcontract.ErrConflict, "it has %d data volumes of APFS in place of one: is macOS installed on it?", len(found))
	}
	return found[0], nil
}

// Root implements Volume.
func (m *mounted) Root() string { return m.root }

// Close implements Volume. It works after an interrupt too.
func (m *mounted) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), detachTime)
	defer cancel()
	var errs []error
	if !m.isUnmounted {
		_, err := m.disks.Run(ctx, "diskutil", "unmount", m.root)
		m.isUnmounted = err == nil
		errs = append(errs, err)
	}
	_, err := m.disks.Run(ctx, "hdiutil", "detach", m.disk)
	errs = append(errs, err)
	if m.root != "" && m.isUnmounted {
		errs = append(errs, os.Remove(m.root)) // not RemoveAll: it was a mount point
	}
	return errors.Join(errs...)
}
