package agentproto

import "time"

// SystemInfo is what does not change while the guest runs.
type SystemInfo struct {
	OS       string        `json:"os"`
	Arch     string        `json:"arch"`
	Kernel   string        `json:"kernel"`
	Hostname string        `json:"hostname"`
	BootID   string        `json:"boot_id"`
	Machine  string        `json:"machine_id,omitempty"`
	CPUs     int           `json:"cpus"`
	Memory   uint64        `json:"memory"` // bytes
	Uptime   time.Duration `json:"uptime"`
	Now      time.Time     `json:"now"`
	Version  string        `json:"version"` // of the agent
}

// Stats are the guest's own figures.
type Stats struct {
	Time      time.Time        `json:"time"`
	CPU       CPUStats         `json:"cpu"`
	Memory    MemoryStats      `json:"memory"`
	Load      [3]float64       `json:"load"`
	Processes int              `json:"processes"`
	Networks  []InterfaceStats `json:"networks,omitempty"`
	Agent     uint64           `json:"agent_memory"` // resident bytes of the agent itself
}

// CPUStats are sums over all processors since the guest started.
type CPUStats struct {
	User   time.Duration `json:"user"`
	System time.Duration `json:"system"`
	Idle   time.Duration `json:"idle"`
	IOWait time.Duration `json:"iowait"`
	Steal  time.Duration `json:"steal"`
}

// MemoryStats are in bytes.
type MemoryStats struct {
	Total     uint64 `json:"total"`
	Free      uint64 `json:"free"`
	Available uint64 `json:"available"`
	Cached    uint64 `json:"cached"`
}

// InterfaceStats count one network interface's traffic.
type InterfaceStats struct {
	Name      string `json:"name"`
	RxBytes   uint64 `json:"rx_bytes"`
	RxPackets uint64 `json:"rx_packets"`
	TxBytes   uint64 `json:"tx_bytes"`
	TxPackets uint64 `json:"tx_packets"`
}

// A ClockRequest sets the guest's clock.
type ClockRequest struct {
	Now time.Time `json:"now"`
}

// A ShutdownRequest ends the guest: TERM to all, then power off or restart.
type ShutdownRequest struct {
	Reboot bool `json:"reboot,omitempty"`
}

// A ThawRequest ends a freeze. What is set is renewed, so that two guests from one
// saved state differ.
type ThawRequest struct {
	Now     time.Time `json:"now,omitzero"`
	Entropy []byte    `json:"entropy,omitempty"`    // mixed into the random pool, which is then re-seeded
	Machine string    `json:"machine_id,omitempty"` // 32 hexadecimal digits
	Host    string    `json:"hostname,omitempty"`
}

// A MountRequest mounts a share that the host has plugged, or a disk. It is retried
// until the device appears or the request is cancelled.
type MountRequest struct {
	Kind     string `json:"kind"` // virtiofs, 9p, ext4 or bind
	Tag      string `json:"tag"`  // of the share, the disk's id, or the directory to bind
	Path     string `json:"path"` // made if missing
	ReadOnly bool   `json:"read_only,omitempty"`
}

// An EjectRequest lets a hot-plugged PCI device go, by the number of its slot.
type EjectRequest struct {
	Slot int `json:"slot"`
}
