package container

import (
	"reflect"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/runflags"
	"vz.internal/vzcontract"
)

type update struct {
	Containers []string `arg:"" name:"container" help:"Containers to change."`
	Restart    string   `placeholder:"POLICY" help:"no, always, unless-stopped or on-failure[:N]."`

	BlkioWeight       uint16 `placeholder:"N" help:"Relative weight for block I/O, 10 to 1000."`
	CPUPeriod         int64  `name:"cpu-period" placeholder:"MICROSECONDS" help:"Period of the CPU quota."`
	CPUQuota          int64  `name:"cpu-quota" placeholder:"MICROSECONDS" help:"CPU quota in a period."`
	CPURtPeriod       int64  `name:"cpu-rt-period" placeholder:"MICROSECONDS" help:"Period of the realtime quota."`
	CPURtRuntime      int64  `name:"cpu-rt-runtime" placeholder:"MICROSECONDS" help:"Realtime quota in a period."`
	CPUShares         int64  `name:"cpu-shares" short:"c" placeholder:"N" help:"Relative weight for processor time."`
	CPUs              string `name:"cpus" placeholder:"N" help:"Number of processors."`
	CpusetCPUs        string `name:"cpuset-cpus" placeholder:"LIST" help:"Processors that may be used."`
	CpusetMems        string `name:"cpuset-mems" placeholder:"LIST" help:"Memory nodes that may be used."`
	Memory            string `short:"m" placeholder:"SIZE" help:"Limit of memory."`
	MemoryReservation string `placeholder:"SIZE" help:"Soft limit of memory."`
	MemorySwap        string `placeholder:"SIZE" help:"Limit of memory and swap together; -1 is none."`
	PidsLimit         *int64 `placeholder:"N" help:"Limit of processes; -1 is none."`
	KernelMemory      string `hidden:"" help:"Refused."`
}

// Run implements command.Verb.
func (c *update) Run(env *command.Env) error {
	if c.KernelMemory != "" {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "--kernel-memory: the kernel has no such limit any more; --memory counts it")
	}
	change, err := c.change()
	if err != nil {
		return err
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	u, err := command.Need[vzcontract.Updater](s, vzcontract.FeatureUpdate)
	if err != nil {
		return err
	}
	return command.Each(env.Stdout, c.Containers, func(name string) error {
		_, err := u.Update(env.Ctx, name, change)
		return err
	})
}

func (c *update) change() (vzcontract.UpdateConfig, error) {
	limits := runflags.LimitFlags{
		BlkioWeight: c.BlkioWeight, CPUPeriod: c.CPUPeriod, CPUQuota: c.CPUQuota, CPURtPeriod: c.CPURtPeriod, CPURtRuntime: c.CPURtRuntime,
		CPUShares: c.CPUShares, CPUs: c.CPUs, CpusetCPUs: c.CpusetCPUs, CpusetMems: c.CpusetMems, Memory: c.Memory,
		MemoryReservation: c.MemoryReservation, PidsLimit: c.PidsLimit, MemorySwap: c.MemorySwap,
	}
	r, err := limits.ResourcesUpdate()
	if err != nil {
		return vzcontract.UpdateConfig{}, err
	}
	var change vzcontract.UpdateConfig
	if !reflect.DeepEqual(r, vzcontract.Resources{}) {
		change.Resources = &r
	}
	if c.Restart != "" {
		policy, err := runflags.ParseRestart("restart", c.Restart)
		if err != nil {
			return change, err
		}
		change.Restart = &policy
	}
	if change.Resources == nil && change.Restart == nil {
		return change, command.Usagef("update: nothing to change; give a limit or --restart, see vz update --help")
	}
	return change, nil
}
