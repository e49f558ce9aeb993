package vzf

import (
	"bytes"
	"context"
	"time"

	"github.com/Code-Hex/vz/v3"

	"vz.internal/vzcore/macos"
)

func (apple) latest() (string, error) {
	url, err := vz.GetLatestSupportedMacOSRestoreImageURL()
	return url, translateError(err)
}

func (apple) requirements(path string) (macos.Requirements, error) {
	image, err := vz.LoadMacOSRestoreImageFromPath(path)
	if err != nil {
		return macos.Requirements{}, translateError(err)
	}
	need := image.MostFeaturefulSupportedConfiguration()
	r := macos.Requirements{MinCPUs: int(need.MinimumSupportedCPUCount()), MinMemory: need.MinimumSupportedMemorySize()}
	if r.MinCPUs > 0 { // else there is no model to ask for its data
		r.HardwareModel = bytes.Clone(need.HardwareModel().DataRepresentation())
	}
	return r, nil
}

func (apple) identify(model []byte, path string) ([]byte, error) {
	hardware, err := vz.NewMacHardwareModelWithData(model)
	if err != nil {
		return nil, translateError(err)
	}
	id, err := vz.NewMacMachineIdentifier()
	if err != nil {
		return nil, translateError(err)
	}
	if _, err := vz.NewMacAuxiliaryStorage(path, vz.WithCreatingMacAuxiliaryStorage(hardware)); err != nil {
		return nil, translateError(err)
	}
	return bytes.Clone(id.DataRepresentation()), nil
}

func (apple) install(ctx context.Context, p plan, path string, progress func(float64)) error {
	cfg, _, err := translate(p, nil)
	if err != nil {
		return translateError(err)
	}
	vm, err := vz.NewVirtualMachine(cfg)
	if err != nil {
		return translateError(err)
	}
	installer, err := vz.NewMacOSInstaller(vm, path)
	if err != nil {
		return translateError(err)
	}
	result := make(chan error, 1)
	go func() { result <- translateError(installer.Install(ctx)) }()
	tick := time.NewTicker(time.Second) // the library tells nobody of its progress
	defer tick.Stop()
	for {
		select {
		case err := <-result:
			return err
		case <-tick.C:
			progress(installer.FractionCompleted())
		}
	}
}
