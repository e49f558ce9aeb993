package vzf

import (
	"fmt"
	"os"

	"github.com/Code-Hex/vz/v3"

	"vz.internal/vzcore/config"
)

// syncModes are the framework's.
var syncModes = map[string]vz.DiskImageSynchronizationMode{
	config.SyncFull:  vz.DiskImageSynchronizationModeFull,
	config.SyncFlush: vz.DiskImageSynchronizationModeFsync,
	config.SyncNone:  vz.DiskImageSynchronizationModeNone,
}

// addDisks adds virtio block devices. Reads go through the host's cache: without it
// Linux guests were seen to find damaged data (Apple's own default, "automatic", too).
func addDisks(cfg *vz.VirtualMachineConfiguration, p plan) error {
	var all []vz.StorageDeviceConfiguration
	for _, d := range p.disks {
		image, err := vz.NewDiskImageStorageDeviceAttachmentWithCacheAndSync(d.path, d.readOnly, vz.DiskImageCachingModeCached, syncModes[d.sync])
		if err != nil {
			return fmt.Errorf("disk %s: %w", d.id, err)
		}
		device, err := vz.NewVirtioBlockDeviceConfiguration(image)
		if err != nil {
			return fmt.Errorf("disk %s: %w", d.id, err)
		}
		if err := device.SetBlockDeviceIdentifier(d.id); err != nil {
			return fmt.Errorf("disk %s: %w", d.id, err)
		}
		all = append(all, device)
	}
	cfg.SetStorageDevicesVirtualMachineConfiguration(all)
	return nil
}

// addShares adds a virtiofs device for each share.
func addShares(cfg *vz.VirtualMachineConfiguration, p plan) error {
	var all []vz.DirectorySharingDeviceConfiguration
	for _, t := range p.shares {
		device, err := vz.NewVirtioFileSystemDeviceConfiguration(t.tag)
		if err != nil {
			return fmt.Errorf("share %s: %w", t.tag, err)
		}
		share, err := directoryShare(t)
		if err != nil {
			return fmt.Errorf("share %s: %w", t.tag, err)
		}
		device.SetDirectoryShare(share)
		all = append(all, device)
	}
	cfg.SetDirectorySharingDevicesVirtualMachineConfiguration(all)
	return nil
}

func directoryShare(t tree) (vz.DirectoryShare, error) {
	dirs := map[string]*vz.SharedDirectory{}
	for _, d := range t.dirs {
		shared, err := vz.NewSharedDirectory(d.path, d.readOnly)
		if err != nil {
			return nil, err
		}
		dirs[d.name] = shared
	}
	if t.several {
		return vz.NewMultipleDirectoryShare(dirs)
	}
	return vz.NewSingleDirectoryShare(dirs[""])
}

// addCard adds the network card, if there is one.
func addCard(cfg *vz.VirtualMachineConfiguration, p plan, cable *os.File) error {
	var attachment vz.NetworkDeviceAttachment
	switch p.network {
	case config.NetworkUser:
		end, err := vz.NewFileHandleNetworkDeviceAttachment(cable)
		if err != nil {
			return err
		}
		if p.mtu > 0 {
			if err := end.SetMaximumTransmissionUnit(p.mtu); err != nil {
				return err
			}
		}
		attachment = end
	case config.NetworkNAT:
		nat, err := vz.NewNATNetworkDeviceAttachment()
		if err != nil {
			return err
		}
		attachment = nat
	default:
		return nil
	}
	card, err := vz.NewVirtioNetworkDeviceConfiguration(attachment)
	if err != nil {
		return err
	}
	mac, err := vz.NewMACAddress(p.mac)
	if err != nil {
		return err
	}
	card.SetMACAddress(mac)
	cfg.SetNetworkDevicesVirtualMachineConfiguration([]*vz.VirtioNetworkDeviceConfiguration{card})
	return nil
}
