package runflags

import (
	"strings"

	"vz.internal/vzcontract"
)

// RefusedFlags are docker's flags that mean something vz does not do.
type RefusedFlags struct {
	GPUs           string   `name:"gpus" hidden:"" help:"Refused."`
	Link           []string `hidden:"" sep:"none" help:"Refused."`
	Runtime        string   `hidden:"" help:"Refused."`
	KernelMemory   string   `hidden:"" help:"Refused."`
	UseAPISocket   bool     `name:"use-api-socket" hidden:"" help:"Refused."`
	Isolation      string   `hidden:"" help:"Refused."`
	CPUCount       int64    `name:"cpu-count" hidden:"" help:"Refused."`
	CPUPercent     int64    `name:"cpu-percent" hidden:"" help:"Refused."`
	IOMaxBandwidth string   `name:"io-maxbandwidth" hidden:"" help:"Refused."`
	IOMaxIOps      uint64   `name:"io-maxiops" hidden:"" help:"Refused."`
}

const windowsOnly = "it exists for Windows containers only"

// check returns an error for the first refused flag that is set.
func (r *RefusedFlags) check() error {
	for _, f := range []struct {
		name, value string
		set         bool
		why         string
	}{
		{"gpus", r.GPUs, r.GPUs != "", "vz has no GPU hooks; give the device files with --device /dev/nvidia0 and so on"},
		{"link", strings.Join(r.Link, " "), len(r.Link) > 0, "links are replaced by networks: put both containers on one with --network and name them"},
		{"runtime", r.Runtime, r.Runtime != "" && r.Runtime != "runc", "vz runs containers itself, as runc would; external OCI runtimes cannot be chosen per container"},
		{"kernel-memory", r.KernelMemory, r.KernelMemory != "", "the kernel has no separate limit for kernel memory any more; --memory counts it"},
		{"use-api-socket", "", r.UseAPISocket, "vz has no daemon and no API socket"},
		{"isolation", r.Isolation, r.Isolation != "" && r.Isolation != "default", windowsOnly},
		{"cpu-count", "", r.CPUCount != 0, windowsOnly + "; use --cpus"},
		{"cpu-percent", "", r.CPUPercent != 0, windowsOnly + "; use --cpus"},
		{"io-maxbandwidth", r.IOMaxBandwidth, r.IOMaxBandwidth != "", windowsOnly + "; use --device-read-bps and --device-write-bps"},
		{"io-maxiops", "", r.IOMaxIOps != 0, windowsOnly + "; use --device-read-iops and --device-write-iops"},
	} {
		if f.set {
			return vzcontract.Errorf(vzcontract.ErrUnsupported, "%s", strings.TrimSpace("--"+f.name+" "+f.value)+": "+f.why)
		}
	}
	return nil
}
