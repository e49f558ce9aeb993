package vzlinuxnative

import (
	"runtime"
	"slices"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/signame"
	"vz.internal/vzlinuxnative/network"
)

func invalid(format string, args ...any) error {
	return vzcontract.Errorf(vzcontract.ErrValidation, format, args...)
}

// validate refuses what is wrong in itself and what this backend cannot do.
// What package ocispec refuses is left to it.
func validate(run *vzcontract.RunConfig) error {
	if err := run.Validate(); err != nil {
		return err
	}
	if err := run.CheckIsolation(vzcontract.IsolationContainer); err != nil {
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
	return validateEgress(run)
}

// validateEgress refuses a policy that cannot be enforced.
func validateEgress(run *vzcontract.RunConfig) error {
	if run.Egress == nil {
		return nil
	}
	around := ""
	has := func(name string) bool {
		return slices.ContainsFunc(run.Security.CapAdd, func(c string) bool { return strings.TrimPrefix(strings.ToUpper(c), "CAP_") == name })
	}
	own := run.Namespaces.User != "" && run.Namespaces.User != "host" // what it may do ends with its user namespace
	switch {
	case run.Security.Privileged:
		around = "a privileged container"
	case own:
	case has("ALL"):
		around = "a container with all capabilities"
	case has("SYS_ADMIN"), has("SYS_MODULE"), has("SYS_RAWIO"):
		around = "a container with CAP_SYS_ADMIN, CAP_SYS_MODULE or CAP_SYS_RAWIO"
	case run.Namespaces.PID == "host" && has("SYS_PTRACE"):
		around = "a container that may trace the host's processes"
	}
	if around != "" {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "egress policy: %s gets out by the host itself; leave that right away, or run it in a machine (--backend vm)", around)
	}
	return network.CanPolice()
}

func checkPropagation(m vzcontract.Mount) error {
	if m.Propagation == "shared" || m.Propagation == "rshared" {
		return vzcontract.Errorf(vzcontract.ErrUnsupported,
			"mount %s: propagation %s: the host does not see mounts that a container makes; rslave shows the host's in the container", m.Target, m.Propagation)
	}
	return nil
}
