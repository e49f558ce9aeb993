package card

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Where the kernel shows its devices.
const (
	virtioDevices = "/sys/bus/virtio/devices"
	virtioDriver  = "/sys/bus/virtio/drivers/virtio_net"
	netDevices    = "/sys/class/net"
	typeNetwork   = "0x0001" // a card, among virtio devices
)

// isCard tells whether an interface has a virtio card behind it.
func isCard(name string) bool {
	driver, err := os.Readlink(filepath.Join(netDevices, name, "device", "driver"))
	return err == nil && filepath.Base(driver) == filepath.Base(virtioDriver)
}

// Any tells whether the guest has a card.
func Any() bool {
	entries, err := os.ReadDir(virtioDriver)
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), "virtio") })
}

// unbind takes the driver off an interface's card: the interface is gone.
func unbind(name string) error {
	device, err := os.Readlink(filepath.Join(netDevices, name, "device"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(virtioDriver, "unbind"), []byte(filepath.Base(device)), 0)
	}
	if err != nil {
		return fmt.Errorf("take %s away: %w", name, err)
	}
	return nil
}

// bindAll gives all cards without a driver theirs: interfaces appear.
func bindAll() error {
	devices, err := os.ReadDir(virtioDevices)
	if err != nil {
		return fmt.Errorf("list cards: %w", err)
	}
	for _, d := range devices {
		dir := filepath.Join(virtioDevices, d.Name())
		kind, err := os.ReadFile(filepath.Join(dir, "device"))
		if err != nil || strings.TrimSpace(string(kind)) != typeNetwork {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "driver")); err == nil {
			continue
		}
		// The kernel may be about to do it itself.
		if err := os.WriteFile(filepath.Join(virtioDriver, "bind"), []byte(d.Name()), 0); err != nil && !errors.Is(err, unix.EBUSY) && !errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("bind card %s: %w", d.Name(), err)
		}
	}
	return nil
}
