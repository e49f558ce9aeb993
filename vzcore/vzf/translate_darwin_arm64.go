package vzf

import (
	"errors"
	"io/fs"
	"os"

	"github.com/Code-Hex/vz/v3"

	"vz.internal/vzcore/config"
)

// translate makes the framework's configuration of a plan, and checks it. It also returns
// the machine's identity.
func translate(p plan, cable *os.File) (cfg *vz.VirtualMachineConfiguration, identity []byte, err error) {
	loader, err := bootLoader(p.boot)
	if err != nil {
		return nil, nil, err
	}
	if cfg, err = vz.NewVirtualMachineConfiguration(loader, p.cpus, p.memory); err != nil {
		return nil, nil, err
	}
	platform, identity, err := platformOf(p)
	if err != nil {
		return nil, nil, err
	}
	cfg.SetPlatformVirtualMachineConfiguration(platform)
	for _, add := range []func(*vz.VirtualMachineConfiguration, plan) error{addConsole, addDisks, addShares, addDevices, addDisplay} {
		if err := add(cfg, p); err != nil {
			return nil, nil, err
		}
	}
	if err := addCard(cfg, p, cable); err != nil {
		return nil, nil, err
	}
	ok, err := cfg.Validate()
	if err == nil && !ok {
		err = errors.New("the configuration is not one that Virtualization.framework takes")
	}
	return cfg, identity, err
}

func bootLoader(b boot) (vz.BootLoader, error) {
	switch b.kind {
	case config.BootMacOS:
		return vz.NewMacOSBootLoader()
	case config.BootEFI:
		var opts []vz.NewEFIVariableStoreOption
		if _, err := os.Stat(b.variables); errors.Is(err, fs.ErrNotExist) {
			opts = append(opts, vz.WithCreatingEFIVariableStore())
		}
		store, err := vz.NewEFIVariableStore(b.variables, opts...)
		if err != nil {
			return nil, err
		}
		return vz.NewEFIBootLoader(vz.WithEFIVariableStore(store))
	}
	opts := []vz.LinuxBootLoaderOption{vz.WithCommandLine(b.line)}
	if b.initramfs != "" {
		opts = append(opts, vz.WithInitrd(b.initramfs))
	}
	return vz.NewLinuxBootLoader(b.kernel, opts...)
}

// platformOf says what the guest takes itself for.
func platformOf(p plan) (vz.PlatformConfiguration, []byte, error) {
	if p.boot.kind == config.BootMacOS {
		mac, err := macPlatform(p.boot)
		return mac, p.boot.identity, err
	}
	var id *vz.GenericMachineIdentifier
	var err error
	if len(p.boot.identity) > 0 {
		id, err = vz.NewGenericMachineIdentifierWithData(p.boot.identity)
	} else {
		id, err = vz.NewGenericMachineIdentifier()
	}
	if err != nil {
		return nil, nil, err
	}
	platform, err := vz.NewGenericPlatformConfiguration(vz.WithGenericMachineIdentifier(id))
	if err == nil && p.nested {
		err = platform.SetNestedVirtualizationEnabled(true)
	}
	return platform, id.DataRepresentation(), err
}

func macPlatform(b boot) (*vz.MacPlatformConfiguration, error) {
	model, err := vz.NewMacHardwareModelWithData(b.hardware)
	if err != nil {
		return nil, err
	}
	if !model.Supported() {
		return nil, errors.New("the guest's hardware model is not one that this Mac's macOS knows: update macOS")
	}
	id, err := vz.NewMacMachineIdentifierWithData(b.identity)
	if err != nil {
		return nil, err
	}
	storage, err := vz.NewMacAuxiliaryStorage(b.storage)
	if err != nil {
		return nil, err
	}
	return vz.NewMacPlatformConfiguration(vz.WithMacHardwareModel(model), vz.WithMacMachineIdentifier(id), vz.WithMacAuxiliaryStorage(storage))
}

// addConsole adds the serial console, which is there also if nobody reads it.
func addConsole(cfg *vz.VirtualMachineConfiguration, p plan) error {
	path := p.console
	if path == "" {
		path = os.DevNull
	}
	attachment, err := vz.NewFileSerialPortAttachment(path, true)
	if err != nil {
		return err
	}
	port, err := vz.NewVirtioConsoleDeviceSerialPortConfiguration(attachment)
	if err != nil {
		return err
	}
	cfg.SetSerialPortsVirtualMachineConfiguration([]*vz.VirtioConsoleDeviceSerialPortConfiguration{port})
	return nil
}

// addDevices adds those of which each machine has one: entropy, vsock and the balloon.
func addDevices(cfg *vz.VirtualMachineConfiguration, p plan) error {
	entropy, err := vz.NewVirtioEntropyDeviceConfiguration()
	if err != nil {
		return err
	}
	cfg.SetEntropyDevicesVirtualMachineConfiguration([]*vz.VirtioEntropyDeviceConfiguration{entropy})
	socket, err := vz.NewVirtioSocketDeviceConfiguration()
	if err != nil {
		return err
	}
	cfg.SetSocketDevicesVirtualMachineConfiguration([]vz.SocketDeviceConfiguration{socket})
	if !p.balloon {
		return nil
	}
	balloon, err := vz.NewVirtioTraditionalMemoryBalloonDeviceConfiguration()
	if err != nil {
		return err
	}
	cfg.SetMemoryBalloonDevicesVirtualMachineConfiguration([]vz.MemoryBalloonDeviceConfiguration{balloon})
	return nil
}

// addDisplay adds the screen of a macOS guest, with what its user points and types with.
func addDisplay(cfg *vz.VirtualMachineConfiguration, p plan) error {
	if p.display == nil {
		return nil
	}
	screen, err := vz.NewMacGraphicsDisplayConfiguration(int64(p.display.Width), int64(p.display.Height), int64(max(p.display.PPI, 80)))
	if err != nil {
		return err
	}
	graphics, err := vz.NewMacGraphicsDeviceConfiguration()
	if err != nil {
		return err
	}
	graphics.SetDisplays(screen)
	cfg.SetGraphicsDevicesVirtualMachineConfiguration([]vz.GraphicsDeviceConfiguration{graphics})
	pointer, err := vz.NewUSBScreenCoordinatePointingDeviceConfiguration()
	if err != nil {
		return err
	}
	cfg.SetPointingDevicesVirtualMachineConfiguration([]vz.PointingDeviceConfiguration{pointer})
	keyboard, err := vz.NewUSBKeyboardConfiguration()
	if err != nil {
		return err
	}
	cfg.SetKeyboardsVirtualMachineConfiguration([]vz.KeyboardConfiguration{keyboard})
	return nil
}
