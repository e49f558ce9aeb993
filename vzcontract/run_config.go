package vzcontract

import (
	"cmp"
	"time"
)

// RunConfig is everything that can be said about a container before it is
// created: docker run's settings as data. The zero value of each field means
// "the image's or the backend's default". A backend that cannot honour a field
// refuses it with ErrUnsupported; it never ignores one.
//
// It is stored as JSON with the container, so fields are added, never renamed.
type RunConfig struct {
	// Name is the container's name, [a-zA-Z0-9][a-zA-Z0-9_.-]*; empty picks one.
	Name string `json:"name,omitempty"`
	// Image is a reference, digest or image id. Exactly one of Image and
	// Rootfs is set.
	Image string `json:"image,omitempty"`
	// Rootfs is an absolute host directory used as the lower layer; the
	// container's writes do not reach it.
	Rootfs string `json:"rootfs,omitempty"`
	// Platform is os/arch[/variant]; empty is the host's.
	Platform string     `json:"platform,omitempty"`
	Pull     PullPolicy `json:"pull,omitempty"`
	// SharedVM names the shared machine that the container lives in; see
	// [SharedVM]. Empty is a place of its own. A machine that was never booted is
	// ErrNotFound.
	SharedVM string `json:"sharedVM,omitempty"`
	// Isolation is how far the container is kept from the host, of those that the
	// backend has (see Isolator); empty is the backend's own.
	Isolation Isolation `json:"isolation,omitempty"`

	// Entrypoint replaces the image's Entrypoint when it is not nil (and
	// then the image's Cmd is dropped too); an empty non-nil slice clears it.
	Entrypoint []string `json:"entrypoint,omitempty"`
	// ClearEntrypoint is set when Entrypoint is empty on purpose.
	ClearEntrypoint bool `json:"clearEntrypoint,omitempty"`
	// Args replaces the image's Cmd when it is not empty.
	Args []string `json:"args,omitempty"`
	// Env has "KEY=value" entries that override the image's.
	Env []string `json:"env,omitempty"`
	// WorkingDir is absolute; it is created when missing.
	WorkingDir string `json:"workingDir,omitempty"`
	// User is uid|name[:gid|group], looked up in the container's own files.
	User string `json:"user,omitempty"`
	// Groups are supplementary groups, by name or id.
	Groups []string `json:"groups,omitempty"`

	Hostname   string `json:"hostname,omitempty"`
	Domainname string `json:"domainname,omitempty"`
	// TTY gives the workload a pseudo-terminal; stdout and stderr are one.
	TTY bool `json:"tty,omitempty"`
	// OpenStdin keeps stdin open though nobody is attached.
	OpenStdin bool `json:"openStdin,omitempty"`
	// StdinOnce closes stdin when the first attached client goes.
	StdinOnce bool `json:"stdinOnce,omitempty"`
	// Init puts a small reaper before the workload as PID 1.
	Init bool `json:"init,omitempty"`
	// Idle runs no program of the image: PID 1 is the reaper alone, a place for Exec,
	// until a signal comes whose default action is to end a program; its exit code is
	// then 128 and the signal's number.
	Idle bool `json:"idle,omitempty"`

	Mounts []Mount `json:"mounts,omitempty"`
	// VolumesFrom has "container[:ro|rw]" entries.
	VolumesFrom []string `json:"volumesFrom,omitempty"`

	// NetworkMode is "", "bridge" (the default network), "host", "none",
	// "container:NAME" or the name of a network. Networks adds more.
	NetworkMode string          `json:"networkMode,omitempty"`
	Networks    []NetworkAttach `json:"networks,omitempty"`
	MACAddress  string          `json:"macAddress,omitempty"`
	Ports       []PortMapping   `json:"ports,omitempty"`
	PublishAll  bool            `json:"publishAll,omitempty"`
	Expose      []string        `json:"expose,omitempty"` // "80/tcp"
	DNS         DNSConfig       `json:"dns,omitzero"`
	ExtraHosts  []string        `json:"extraHosts,omitempty"` // "name:ip" or "name:host-gateway"
	// Egress limits what the container may reach; nil is no limit.
	Egress      *EgressPolicy     `json:"egress,omitempty"`
	Security    SecurityConfig    `json:"security,omitzero"`
	Namespaces  NamespaceConfig   `json:"namespaces,omitzero"`
	Resources   Resources         `json:"resources,omitzero"`
	Devices     []Device          `json:"devices,omitempty"`
	DeviceRules []string          `json:"deviceRules,omitempty"` // cgroup rules, "c 1:3 rwm"
	ReadOnly    bool              `json:"readOnly,omitempty"`
	ShmSize     int64             `json:"shmSize,omitempty"` // bytes; 0 is 64 MiB
	Sysctls     map[string]string `json:"sysctls,omitempty"`
	Ulimits     []Ulimit          `json:"ulimits,omitempty"`

	StopSignal string `json:"stopSignal,omitempty"` // "SIGTERM", "TERM" or "15"
	// StopGrace is how long stop waits before it kills; nil is 10 s,
	// negative waits for ever.
	StopGrace *time.Duration `json:"stopGrace,omitempty"`
	Restart   RestartPolicy  `json:"restart,omitzero"`
	Health    *HealthCheck   `json:"health,omitempty"`
	// AutoRemove removes the container when it has stopped.
	AutoRemove  bool              `json:"autoRemove,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Log         LogConfig         `json:"log,omitzero"`
	// Timeout kills the container after this time; 0 is never.
	Timeout time.Duration `json:"timeout,omitempty"`
}

// PullPolicy says when an image is fetched.
type PullPolicy string

// The pull policies. The empty one means PullMissing.
const (
	PullMissing PullPolicy = "missing"
	PullAlways  PullPolicy = "always"
	PullNever   PullPolicy = "never"
)

// MountType is what stands behind a mount.
type MountType string

// The mount types.
const (
	MountBind   MountType = "bind"
	MountVolume MountType = "volume"
	MountTmpfs  MountType = "tmpfs"
	MountImage  MountType = "image"
)

// A Mount puts something at Target inside the container.
type Mount struct {
	Type MountType `json:"type"`
	// Source is an absolute host path (bind), a volume name (volume; empty is
	// an anonymous volume) or an image reference (image).
	Source   string `json:"source,omitempty"`
	Target   string `json:"target"`
	ReadOnly bool   `json:"readOnly,omitempty"`
	// CreateSource makes a missing bind source as a directory (-v does,
	// --mount does not).
	CreateSource bool `json:"createSource,omitempty"`
	// NonRecursive binds only the top mount of Source.
	NonRecursive bool `json:"nonRecursive,omitempty"`
	// Propagation is private, rprivate, shared, rshared, slave or rslave;
	// empty is rprivate.
	Propagation string `json:"propagation,omitempty"`
	// Relabel is "z" or "Z" for SELinux hosts; elsewhere it has no effect.
	Relabel string `json:"relabel,omitempty"`
	// Subpath is a path inside the volume or image, resolved inside it.
	Subpath string `json:"subpath,omitempty"`
	// NoCopy keeps the image's files at Target out of a new volume.
	NoCopy bool `json:"noCopy,omitempty"`
	// VolumeDriver, VolumeOptions and VolumeLabels apply when the volume is made.
	VolumeDriver  string            `json:"volumeDriver,omitempty"`
	VolumeOptions map[string]string `json:"volumeOptions,omitempty"`
	VolumeLabels  map[string]string `json:"volumeLabels,omitempty"`
	// TmpfsSize in bytes (0 is the kernel's default) and TmpfsMode (0 is
	// 01777), and raw mount options of a tmpfs such as "exec".
	TmpfsSize    int64    `json:"tmpfsSize,omitempty"`
	TmpfsMode    uint32   `json:"tmpfsMode,omitempty"`
	TmpfsOptions []string `json:"tmpfsOptions,omitempty"`
}

// Anonymous reports whether the mount is a volume without a name. It gives way to
// what RunConfig.VolumesFrom has at its target.
func (m Mount) Anonymous() bool { return m.Type == MountVolume && m.Source == "" }

// NetworkAttach joins a container to a network.
type NetworkAttach struct {
	Network    string   `json:"network"`
	Aliases    []string `json:"aliases,omitempty"`
	IPv4       string   `json:"ipv4,omitempty"`
	IPv6       string   `json:"ipv6,omitempty"`
	MACAddress string   `json:"macAddress,omitempty"`
	// LinkLocal are extra addresses of the interface.
	LinkLocal []string          `json:"linkLocal,omitempty"`
	Options   map[string]string `json:"options,omitempty"`
}

// A PortMapping publishes one container port, or a range of the same length.
type PortMapping struct {
	// HostIP is the address to listen on; empty is every IPv4 and IPv6 one.
	HostIP string `json:"hostIP,omitempty"`
	// HostPort 0 picks a free one; HostPortEnd > HostPort with a single
	// container port picks a free one in the range.
	HostPort         uint16 `json:"hostPort,omitempty"`
	HostPortEnd      uint16 `json:"hostPortEnd,omitempty"`
	ContainerPort    uint16 `json:"containerPort"`
	ContainerPortEnd uint16 `json:"containerPortEnd,omitempty"`
	// Protocol is "tcp" or "udp".
	Protocol string `json:"protocol"`
}

// DNSConfig is what goes to the container's resolv.conf.
type DNSConfig struct {
	Servers []string `json:"servers,omitempty"`
	Search  []string `json:"search,omitempty"`
	Options []string `json:"options,omitempty"`
}

// SecurityConfig limits, or on request widens, what the workload may do.
type SecurityConfig struct {
	Privileged bool `json:"privileged,omitempty"`
	// CapAdd and CapDrop take names with or without CAP_, or ALL.
	CapAdd  []string `json:"capAdd,omitempty"`
	CapDrop []string `json:"capDrop,omitempty"`
	// Seccomp is "" (the default profile), "builtin" (the same, also when
	// privileged), "builtin+32bit" (covering 32-bit programs too; without it
	// only a container whose entrypoint is one may run them), "unconfined" or
	// the JSON of a profile in Docker's format.
	Seccomp string `json:"seccomp,omitempty"`
	// AppArmor is "" (the default where the host has it), "unconfined" or a
	// loaded profile's name.
	AppArmor        string   `json:"apparmor,omitempty"`
	SELinux         []string `json:"selinux,omitempty"` // label= options
	NoNewPrivileges bool     `json:"noNewPrivileges,omitempty"`
	// UnmaskPaths ("ALL" or paths) opens masked and read-only paths.
	UnmaskPaths []string `json:"unmaskPaths,omitempty"`
}

// NamespaceConfig says which namespaces are shared. Empty is a new one;
// "host" the host's; "container:NAME" another container's.
type NamespaceConfig struct {
	PID    string `json:"pid,omitempty"`
	IPC    string `json:"ipc,omitempty"` // also "none", "private", "shareable"
	UTS    string `json:"uts,omitempty"`
	Cgroup string `json:"cgroup,omitempty"` // "private" (default) or "host"
	// User is "" or "host", "auto", "keep-id".
	User string `json:"user,omitempty"`
	// CgroupParent is the cgroup below which the container's is made.
	CgroupParent string `json:"cgroupParent,omitempty"`
}

// Resources are the limits of a container. Zero is unlimited.
type Resources struct {
	NanoCPUs           int64  `json:"nanoCPUs,omitempty"` // 1e9 is one processor
	CPUShares          uint64 `json:"cpuShares,omitempty"`
	CPUPeriod          uint64 `json:"cpuPeriod,omitempty"` // µs
	CPUQuota           int64  `json:"cpuQuota,omitempty"`  // µs per period
	CPURealtimePeriod  uint64 `json:"cpuRealtimePeriod,omitempty"`
	CPURealtimeRuntime int64  `json:"cpuRealtimeRuntime,omitempty"`
	CpusetCPUs         string `json:"cpusetCPUs,omitempty"`
	CpusetMems         string `json:"cpusetMems,omitempty"`
	Memory             int64  `json:"memory,omitempty"` // bytes
	MemoryReservation  int64  `json:"memoryReservation,omitempty"`
	// MemorySwap is memory plus swap in bytes; -1 is unlimited, 0 is twice Memory.
	MemorySwap       int64   `json:"memorySwap,omitempty"`
	MemorySwappiness *uint64 `json:"memorySwappiness,omitempty"`
	OOMKillDisable   bool    `json:"oomKillDisable,omitempty"`
	OOMScoreAdj      *int    `json:"oomScoreAdj,omitempty"`
	// Disk bounds what the container writes to its root, with its log and checkpoints, in
	// bytes, of which the file system takes a part for itself. At least [MinDisk]; it
	// cannot be changed later.
	Disk int64 `json:"disk,omitempty"`
	// PidsLimit counts tasks; -1 and 0 are unlimited.
	PidsLimit         int64            `json:"pidsLimit,omitempty"`
	BlkioWeight       uint16           `json:"blkioWeight,omitempty"` // 10–1000
	BlkioWeightDevice []ThrottleDevice `json:"blkioWeightDevice,omitempty"`
	ReadBps           []ThrottleDevice `json:"readBps,omitempty"`
	WriteBps          []ThrottleDevice `json:"writeBps,omitempty"`
	ReadIOps          []ThrottleDevice `json:"readIOps,omitempty"`
	WriteIOps         []ThrottleDevice `json:"writeIOps,omitempty"`
}

// MinDisk is the least Resources.Disk.
const MinDisk = 64 << 20

// A ThrottleDevice is a rate or weight for one block device.
type ThrottleDevice struct {
	Path string `json:"path"`
	Rate uint64 `json:"rate"`
}

// A Device makes a host device usable in the container.
type Device struct {
	HostPath      string `json:"hostPath"`
	ContainerPath string `json:"containerPath,omitempty"` // empty is HostPath
	Permissions   string `json:"permissions,omitempty"`   // of "rwm"; empty is all
}

// A Ulimit is one resource limit; -1 is unlimited.
type Ulimit struct {
	Name string `json:"name"` // "nofile", …
	Soft int64  `json:"soft"`
	Hard int64  `json:"hard"`
}

// RestartMode is the kind of a restart policy.
type RestartMode string

// The restart modes. The empty one means RestartNo.
const (
	RestartNo            RestartMode = "no"
	RestartAlways        RestartMode = "always"
	RestartUnlessStopped RestartMode = "unless-stopped"
	RestartOnFailure     RestartMode = "on-failure"
)

// RestartPolicy says what happens when the workload ends by itself. Pauses
// between restarts start at 100 ms, double up to one minute and start over
// after 10 s of running.
type RestartPolicy struct {
	Mode RestartMode `json:"mode,omitempty"`
	// MaxRetries bounds on-failure; 0 is without bound.
	MaxRetries int `json:"maxRetries,omitempty"`
}

// A HealthCheck runs a command in the container again and again. Zero fields
// take the defaults: interval 30 s, timeout 30 s, start period 0 s, start
// interval 5 s, 3 retries. Before the first interval is over a backend may probe
// more often, so that a container is found healthy sooner; such probes count only
// when they succeed.
type HealthCheck struct {
	// Test is {"NONE"}, {"CMD", argv...} or {"CMD-SHELL", line}.
	Test          []string      `json:"test,omitempty"`
	Interval      time.Duration `json:"interval,omitempty"`
	Timeout       time.Duration `json:"timeout,omitempty"`
	StartPeriod   time.Duration `json:"startPeriod,omitempty"`
	StartInterval time.Duration `json:"startInterval,omitempty"`
	Retries       int           `json:"retries,omitempty"`
	// Restart ends a container that becomes unhealthy as a stop would, and starts
	// it again, with the pauses of a restart and whatever the restart policy is.
	Restart bool `json:"restart,omitempty"`
}

// Over returns h with the fields that are zero taken from an image's check, as
// docker does; either may be nil.
func (h *HealthCheck) Over(image *HealthCheck) *HealthCheck {
	if h == nil || image == nil {
		return cmp.Or(h, image)
	}
	both := *h
	if len(both.Test) == 0 {
		both.Test = image.Test
	}
	both.Interval, both.Timeout = cmp.Or(h.Interval, image.Interval), cmp.Or(h.Timeout, image.Timeout)
	both.StartPeriod, both.StartInterval = cmp.Or(h.StartPeriod, image.StartPeriod), cmp.Or(h.StartInterval, image.StartInterval)
	both.Retries = cmp.Or(h.Retries, image.Retries)
	return &both
}

// Probes reports whether there is a command to run; h may be nil.
func (h *HealthCheck) Probes() bool { return h != nil && len(h.Test) > 0 && h.Test[0] != "NONE" }

// CheckRestart refuses Restart where nothing could be unhealthy; h may be nil.
func (h *HealthCheck) CheckRestart() error {
	if h != nil && h.Restart && !h.Probes() {
		return Errorf(ErrValidation, "restart when unhealthy: the container has no health check")
	}
	return nil
}

// LogConfig says where output goes. Driver is "json-file" ("local" means the
// same), "none", or "": json-file, within bounds of the backend that keep a
// container from filling the host's disk. MaxSize is bytes of one file (0 is
// unlimited), MaxFiles how many are kept (0 is 1).
type LogConfig struct {
	Driver   string `json:"driver,omitempty"`
	MaxSize  int64  `json:"maxSize,omitempty"`
	MaxFiles int    `json:"maxFiles,omitempty"`
}
