package inspect

import (
	"fmt"
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

// HostConfig is the part of a container's settings that belongs to this host.
type HostConfig struct {
	Binds           []string
	ContainerIDFile string
	LogConfig       LogConfig
	NetworkMode     string
	PortBindings    map[string][]PortBinding
	RestartPolicy   RestartPolicy
	AutoRemove      bool
	VolumesFrom     []string
	Annotations     map[string]string `json:",omitempty"`
	CapAdd          []string
	CapDrop         []string
	CgroupnsMode    string
	DNS             []string `json:"Dns"`
	DNSOptions      []string `json:"DnsOptions"`
	DNSSearch       []string `json:"DnsSearch"`
	ExtraHosts      []string
	GroupAdd        []string
	IpcMode         string
	Cgroup          string
	OomScoreAdj     int
	PidMode         string
	Privileged      bool
	PublishAllPorts bool
	ReadonlyRootfs  bool
	SecurityOpt     []string
	Tmpfs           map[string]string `json:",omitempty"`
	UTSMode         string
	UsernsMode      string
	ShmSize         int64
	Sysctls         map[string]string `json:",omitempty"`
	Runtime         string
	Isolation       string

	CPUShares            uint64 `json:"CpuShares"`
	Memory               int64
	NanoCPUs             int64 `json:"NanoCpus"`
	CgroupParent         string
	BlkioWeight          uint16
	BlkioWeightDevice    []Throttle
	BlkioDeviceReadBps   []Throttle
	BlkioDeviceWriteBps  []Throttle
	BlkioDeviceReadIOps  []Throttle
	BlkioDeviceWriteIOps []Throttle
	CPUPeriod            uint64 `json:"CpuPeriod"`
	CPUQuota             int64  `json:"CpuQuota"`
	CPURealtimePeriod    uint64 `json:"CpuRealtimePeriod"`
	CPURealtimeRuntime   int64  `json:"CpuRealtimeRuntime"`
	CpusetCpus           string
	CpusetMems           string
	Devices              []Device
	DeviceCgroupRules    []string
	MemoryReservation    int64
	MemorySwap           int64
	MemorySwappiness     *uint64
	OomKillDisable       bool
	PidsLimit            int64
	Ulimits              []Ulimit
	Mounts               []vzcontract.Mount `json:",omitempty"`
	Init                 bool
	MaskedPaths          []string
	ReadonlyPaths        []string

	// What vz has none of.
	ConsoleSize    [2]uint
	DeviceRequests []struct{}
	Links          []string
	VolumeDriver   string
	CPUCount       int64 `json:"CpuCount"`
	CPUPercent     int64 `json:"CpuPercent"`
	IOMaximumIOps  uint64
	// IOMaximumBandwidth is of containers of Windows, as those before it.
	IOMaximumBandwidth uint64
}

// LogConfig says where output goes.
type LogConfig struct {
	Type   string
	Config map[string]string
}

// PortBinding is one address of the host.
type PortBinding struct {
	HostIp   string //nolint:revive,staticcheck // docker's name
	HostPort string
}

// RestartPolicy says what follows the end of the program.
type RestartPolicy struct {
	Name              string
	MaximumRetryCount int
}

// Throttle is a rate of one device.
type Throttle struct {
	Path string
	Rate uint64
}

// Device is a device of the host.
type Device struct {
	PathOnHost        string
	PathInContainer   string
	CgroupPermissions string
}

// Ulimit is one resource limit.
type Ulimit struct {
	Name       string
	Hard, Soft int64
}

func hostConfig(c vzcontract.ContainerInfo) HostConfig {
	run, r := c.Config, c.Config.Resources
	d := HostConfig{
		LogConfig: logConfig(run.Log), NetworkMode: or(run.NetworkMode, "bridge"), PortBindings: bindings(run.Ports),
		RestartPolicy: RestartPolicy{or(string(run.Restart.Mode), "no"), run.Restart.MaxRetries}, AutoRemove: run.AutoRemove,
		VolumesFrom: run.VolumesFrom, Annotations: run.Annotations, CapAdd: run.Security.CapAdd, CapDrop: run.Security.CapDrop,
		CgroupnsMode: or(run.Namespaces.Cgroup, "private"), DNS: orEmpty(run.DNS.Servers), DNSOptions: orEmpty(run.DNS.Options),
		DNSSearch: orEmpty(run.DNS.Search), ExtraHosts: run.ExtraHosts, GroupAdd: run.Groups, IpcMode: or(run.Namespaces.IPC, "private"),
		PidMode: run.Namespaces.PID, Privileged: run.Security.Privileged, PublishAllPorts: run.PublishAll, ReadonlyRootfs: run.ReadOnly,
		SecurityOpt: securityOpt(run.Security), UTSMode: run.Namespaces.UTS, UsernsMode: run.Namespaces.User, ShmSize: run.ShmSize,
		Sysctls: run.Sysctls, Runtime: c.Backend, CPUShares: r.CPUShares, Memory: r.Memory, NanoCPUs: r.NanoCPUs,
		CgroupParent: run.Namespaces.CgroupParent, BlkioWeight: r.BlkioWeight, BlkioWeightDevice: throttles(r.BlkioWeightDevice),
		BlkioDeviceReadBps: throttles(r.ReadBps), BlkioDeviceWriteBps: throttles(r.WriteBps),
		BlkioDeviceReadIOps: throttles(r.ReadIOps), BlkioDeviceWriteIOps: throttles(r.WriteIOps),
		CPUPeriod: r.CPUPeriod, CPUQuota: r.CPUQuota, CPURealtimePeriod: r.CPURealtimePeriod, CPURealtimeRuntime: r.CPURealtimeRuntime,
		CpusetCpus: r.CpusetCPUs, CpusetMems: r.CpusetMems, Devices: devices(run.Devices), DeviceCgroupRules: run.DeviceRules,
		MemoryReservation: r.MemoryReservation, MemorySwap: r.MemorySwap, MemorySwappiness: r.MemorySwappiness,
		OomKillDisable: r.OOMKillDisable, PidsLimit: r.PidsLimit, Ulimits: ulimits(run.Ulimits), Init: run.Init,
		MaskedPaths: c.MaskedPaths, ReadonlyPaths: c.ReadonlyPaths,
	}
	if d.ShmSize == 0 {
		d.ShmSize = 64 << 20
	}
	if r.OOMScoreAdj != nil {
		d.OomScoreAdj = *r.OOMScoreAdj
	}
	splitMounts(&d, run.Mounts)
	return d
}

// splitMounts words -v as Binds, --tmpfs as Tmpfs and the rest as Mounts.
func splitMounts(d *HostConfig, mounts []vzcontract.Mount) {
	for _, m := range mounts {
		switch {
		case m.Type == vzcontract.MountTmpfs:
			options := slices.Clone(m.TmpfsOptions)
			if m.TmpfsSize > 0 {
				options = append(options, fmt.Sprintf("size=%d", m.TmpfsSize))
			}
			if m.TmpfsMode > 0 {
				options = append(options, fmt.Sprintf("mode=%o", m.TmpfsMode))
			}
			if d.Tmpfs == nil {
				d.Tmpfs = map[string]string{}
			}
			d.Tmpfs[m.Target] = strings.Join(options, ",")
		case m.Source != "" && m.Subpath == "" && (m.Type == vzcontract.MountVolume || m.CreateSource):
			bind := m.Source + ":" + m.Target
			if m.ReadOnly {
				bind += ":ro"
			}
			d.Binds = append(d.Binds, bind)
		case m.Source != "":
			d.Mounts = append(d.Mounts, m)
		}
	}
}

func logConfig(l vzcontract.LogConfig) LogConfig {
	d := LogConfig{Type: or(l.Driver, "json-file"), Config: map[string]string{}}
	if l.MaxSize > 0 {
		d.Config["max-size"] = fmt.Sprint(l.MaxSize)
	}
	if l.MaxFiles > 0 {
		d.Config["max-file"] = fmt.Sprint(l.MaxFiles)
	}
	return d
}

func securityOpt(s vzcontract.SecurityConfig) []string {
	var all []string
	if s.Seccomp != "" {
		all = append(all, "seccomp="+s.Seccomp)
	}
	if s.AppArmor != "" {
		all = append(all, "apparmor="+s.AppArmor)
	}
	for _, l := range s.SELinux {
		all = append(all, "label="+l)
	}
	if s.NoNewPrivileges {
		all = append(all, "no-new-privileges")
	}
	if len(s.UnmaskPaths) > 0 {
		all = append(all, "unmask="+strings.Join(s.UnmaskPaths, ":"))
	}
	return all
}

func throttles(list []vzcontract.ThrottleDevice) []Throttle {
	all := []Throttle{}
	for _, t := range list {
		all = append(all, Throttle(t))
	}
	return all
}

func devices(list []vzcontract.Device) []Device {
	all := []Device{}
	for _, d := range list {
		all = append(all, Device{d.HostPath, or(d.ContainerPath, d.HostPath), or(d.Permissions, "rwm")})
	}
	return all
}

func ulimits(list []vzcontract.Ulimit) []Ulimit {
	all := []Ulimit{}
	for _, u := range list {
		all = append(all, Ulimit{Name: u.Name, Hard: u.Hard, Soft: u.Soft})
	}
	return all
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
