package libct

import (
	"slices"

	"github.com/opencontainers/cgroups"
	devices "github.com/opencontainers/cgroups/devices/config"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/specconv"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/cgroup"
)

// Config turns a spec into libcontainer's form as Convert does, and lets
// systemd make the cgroup where systemd runs the host.
func Config(id string, spec *specs.Spec) (*configs.Config, error) {
	cfg, err := Convert(id, spec)
	if err != nil {
		return nil, err
	}
	group, err := cgroup.Config(spec.Linux.CgroupsPath)
	if err != nil {
		return nil, err
	}
	group.Resources = cfg.Cgroups.Resources
	cfg.Cgroups = group
	return cfg, nil
}

// Convert turns a spec into libcontainer's form. Unlike runc it does not open
// /dev/net/tun to every container, and it does not expect of a pipe the device
// number that the spec may carry and a pipe cannot have. Late limits are left
// out: see [TakeLimits].
func Convert(id string, spec *specs.Spec) (*configs.Config, error) {
	cfg, err := specconv.CreateLibcontainerConfig(&specconv.CreateOpts{CgroupName: id, Spec: spec})
	if err != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "%w", err)
	}
	dropTun(cfg.Cgroups.Resources, spec)
	cfg.Rlimits = slices.DeleteFunc(cfg.Rlimits, isLate)
	for _, d := range cfg.Devices {
		if d.Type == devices.FifoDevice {
			d.Major, d.Minor = 0, 0
		}
	}
	return cfg, nil
}

// dropTun removes the rule for /dev/net/tun that specconv adds by itself.
func dropTun(r *cgroups.Resources, spec *specs.Spec) {
	own := 0
	if spec.Linux != nil && spec.Linux.Resources != nil {
		own = len(spec.Linux.Resources.Devices)
	}
	if own > len(r.Devices) {
		return
	}
	added := slices.DeleteFunc(slices.Clone(r.Devices[own:]), func(d *devices.Rule) bool {
		return d.Type == devices.CharDevice && d.Major == 10 && d.Minor == 200
	})
	r.Devices = append(r.Devices[:own:own], added...)
}
