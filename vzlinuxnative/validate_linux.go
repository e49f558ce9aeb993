package vzlinuxnative

import (
	"runtime"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/signame"
	"vz.internal/vzlinuxnative/network"
)

func invalid(format string, args ...any) error {
	return vzcontract.Errorf(vzcontract.ErrValidation, format, args...)
}

// noDiskLimit: what an overlay holds is bounded by project quotas of the file system below
// it, which few have.
const noDiskLimit = "the root is a directory of the host's file system, which has no quota of its own for it; a container in a virtual machine (--backend vm) has a disk of the size"

var lacksDiskLimit = vzcontract.Capabilities{Missing: map[vzcontract.Feature]string{vzcontract.FeatureDiskLimit: noDiskLimit}}

// validate refuses what is wrong in itself and what this backend cannot do.
// What package ocispec refuses is left to it.
func (b *Backend) validate(run *vzcontract.RunConfig) error {
	if err := run.Validate(); err != nil {
		return err
	}
	if err := run.CheckIsolation(vzcontract.IsolationContainer); err != nil {
		return err
	}
	if err := lacksDiskLimit.CheckDisk(run.Resources); err != nil {
		return err
	}
	if run.Rootfs != "" && run.Platform != "" && run.Platform != "linux/"+runtime.GOARCH {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "platform %s: a root directory runs as it is, on linux/%s", run.Platform, runtime.GOARCH)
	}
	if run.StopSignal != "" {
		if _, err := signame.Parse(run.StopSignal); err != nil {
			return invalid("stop signal: %w", err)
		}
	}
	for _, m := range run.Mounts {
		if err := checkPropagation(m); err != nil {
			return err
		}
	}
	return b.validateEgress(run)
}

// validateEgress refuses a policy that cannot be enforced.
func (b *Backend) validateEgress(run *vzcontract.RunConfig) error {
	if run.Egress == nil {
		return nil
	}
	if err := network.CanHold(run); err != nil {
		return err
	}
	return b.nets.CanPolice()
}

func checkPropagation(m vzcontract.Mount) error {
	if m.Propagation == "shared" || m.Propagation == "rshared" {
		return vzcontract.Errorf(vzcontract.ErrUnsupported,
			"mount %s: propagation %s: the host does not see mounts that a container makes; rslave shows the host's in the container", m.Target, m.Propagation)
	}
	return nil
}
