package runflags

// Flags are docker's flags for create; run has a few more of its own.
type Flags struct {
	// Image, command and arguments.
	Command []string `arg:"" optional:"" passthrough:"partial" help:"Image, then command and arguments." placeholder:"IMAGE [COMMAND] [ARG...]"`

	Name       string   `help:"Name of the container."`
	Entrypoint *string  `help:"Replace the image's entrypoint."`
	Env        []string `short:"e" sep:"none" placeholder:"KEY[=VALUE]" help:"Set an environment variable; KEY alone takes vz's own."`
	EnvFile    []string `sep:"none" placeholder:"FILE" help:"Read environment variables from a file."`
	Workdir    string   `short:"w" help:"Working directory in the container."`
	User       string   `short:"u" placeholder:"USER[:GROUP]" help:"User by name or id."`
	GroupAdd   []string `sep:"none" placeholder:"GROUP" help:"Add a supplementary group."`
	Label      []string `short:"l" sep:"none" placeholder:"KEY[=VALUE]" help:"Set a label."`
	LabelFile  []string `sep:"none" placeholder:"FILE" help:"Read labels from a file."`
	Annotation []string `sep:"none" placeholder:"KEY=VALUE" help:"Set an annotation of the OCI configuration."`
	Attach     []string `short:"a" sep:"none" placeholder:"STREAM" help:"Attach stdin, stdout or stderr."`

	Interactive bool `short:"i" help:"Keep stdin open."`
	TTY         bool `short:"t" name:"tty" help:"Give the program a terminal."`
	Init        bool `help:"Run a small init that reaps processes."`
	Rm          bool `help:"Remove the container and its anonymous volumes when it ends."`
	Privileged  bool `help:"Lift the limits on what the container may do."`
	ReadOnly    bool `help:"Make the root file system read-only."`

	Pull                string `default:"missing" placeholder:"POLICY" help:"Fetch the image always, if missing, or never."`
	Platform            string `placeholder:"OS/ARCH" help:"Platform of the image."`
	Quiet               bool   `short:"q" help:"Do not show the pull's progress."`
	CIDFile             string `name:"cidfile" placeholder:"FILE" help:"Write the container's id to a file."`
	DisableContentTrust *bool  `hidden:"" help:"Accepted: images are verified by digest only."`

	Storage   StorageFlags  `embed:""`
	Network   NetworkFlags  `embed:""`
	Limits    LimitFlags    `embed:""`
	Security  SecurityFlags `embed:""`
	Lifecycle LifeFlags     `embed:""`
	Refused   RefusedFlags  `embed:""`
}

// StorageFlags say which files the container sees.
type StorageFlags struct {
	Volume       []string `short:"v" sep:"none" placeholder:"[SOURCE:]TARGET[:OPTIONS]" help:"Mount a directory or volume."`
	Mount        []string `sep:"none" placeholder:"KEY=VALUE,..." help:"Mount by keys: type, source, target, readonly, ..."`
	Tmpfs        []string `sep:"none" placeholder:"TARGET[:OPTIONS]" help:"Mount an empty file system in memory."`
	VolumesFrom  []string `sep:"none" placeholder:"CONTAINER[:ro]" help:"Mount what another container mounts."`
	VolumeDriver string   `help:"Driver of volumes made by -v; only local."`
	StorageOpt   []string `sep:"none" placeholder:"size=SIZE" help:"Limit what is written to the root, in virtual machines."`
	ShmSize      string   `placeholder:"SIZE" help:"Size of /dev/shm."`
	Device       []string `sep:"none" placeholder:"HOST[:CONTAINER[:rwm]]" help:"Make a device of the host usable."`
	DeviceRule   []string `name:"device-cgroup-rule" sep:"none" placeholder:"RULE" help:"Allow devices by rule, as 'c 1:3 rwm'."`
}

// NetworkFlags say how the container is connected.
type NetworkFlags struct {
	Network      []string `aliases:"net" sep:"none" placeholder:"NETWORK" help:"Connect to a network, or host, none, container:NAME."`
	NetworkAlias []string `aliases:"net-alias" sep:"none" placeholder:"NAME" help:"Further name on the network."`
	Publish      []string `short:"p" sep:"none" placeholder:"[[IP:]HOST:]PORT" help:"Publish a port."`
	PublishAll   bool     `short:"P" help:"Publish all exposed ports on free ones."`
	Expose       []string `sep:"none" placeholder:"PORT" help:"Note that the container listens on a port."`
	Hostname     string   `short:"h" help:"Host name in the container."`
	Domainname   string   `help:"NIS domain name in the container."`
	DNS          []string `name:"dns" sep:"none" placeholder:"IP" help:"DNS server."`
	DNSOption    []string `name:"dns-option" aliases:"dns-opt" sep:"none" placeholder:"OPTION" help:"Option of resolv.conf."`
	DNSSearch    []string `name:"dns-search" sep:"none" placeholder:"DOMAIN" help:"DNS search domain."`
	AddHost      []string `sep:"none" placeholder:"NAME:IP" help:"Add a line to /etc/hosts."`
	IP           string   `name:"ip" help:"IPv4 address."`
	IP6          string   `name:"ip6" help:"IPv6 address."`
	LinkLocalIP  []string `name:"link-local-ip" sep:"none" placeholder:"IP" help:"Link-local address."`
	MacAddress   string   `help:"MAC address."`
	Egress       []string `sep:"none" placeholder:"HOST|CIDR[:PORT]" help:"Let the container reach only this; none is nothing."`
}

// LimitFlags bound what the container uses.
type LimitFlags struct {
	Memory            string   `short:"m" placeholder:"SIZE" help:"Limit of memory."`
	MemoryReservation string   `placeholder:"SIZE" help:"Soft limit of memory."`
	MemorySwap        string   `placeholder:"SIZE" help:"Limit of memory and swap together; -1 is none."`
	MemorySwappiness  *int64   `placeholder:"N" help:"How readily memory is swapped, 0 to 100."`
	CPUs              string   `name:"cpus" placeholder:"N" help:"Number of processors."`
	CPUShares         int64    `name:"cpu-shares" short:"c" placeholder:"N" help:"Relative weight for processor time."`
	CPUPeriod         int64    `name:"cpu-period" placeholder:"MICROSECONDS" help:"Period of the CPU quota."`
	CPUQuota          int64    `name:"cpu-quota" placeholder:"MICROSECONDS" help:"CPU quota in a period."`
	CPURtPeriod       int64    `name:"cpu-rt-period" placeholder:"MICROSECONDS" help:"Period of the realtime quota."`
	CPURtRuntime      int64    `name:"cpu-rt-runtime" placeholder:"MICROSECONDS" help:"Realtime quota in a period."`
	CpusetCPUs        string   `name:"cpuset-cpus" placeholder:"LIST" help:"Processors that may be used (0-3, 0,1)."`
	CpusetMems        string   `name:"cpuset-mems" placeholder:"LIST" help:"Memory nodes that may be used."`
	PidsLimit         *int64   `placeholder:"N" help:"Limit of processes; -1 is none."`
	BlkioWeight       uint16   `placeholder:"N" help:"Relative weight for block I/O, 10 to 1000."`
	BlkioWeightDevice []string `sep:"none" placeholder:"DEVICE:N" help:"Weight for one device."`
	DeviceReadBps     []string `sep:"none" placeholder:"DEVICE:RATE" help:"Limit of bytes read a second."`
	DeviceWriteBps    []string `sep:"none" placeholder:"DEVICE:RATE" help:"Limit of bytes written a second."`
	DeviceReadIOps    []string `name:"device-read-iops" sep:"none" placeholder:"DEVICE:N" help:"Limit of reads a second."`
	DeviceWriteIOps   []string `name:"device-write-iops" sep:"none" placeholder:"DEVICE:N" help:"Limit of writes a second."`
	Ulimit            []string `sep:"none" placeholder:"NAME=SOFT[:HARD]" help:"Resource limit of processes."`
	OOMKillDisable    bool     `name:"oom-kill-disable" help:"Do not kill for lack of memory."`
	OOMScoreAdj       *int     `name:"oom-score-adj" placeholder:"N" help:"Preference of the kernel's OOM killer, -1000 to 1000."`
}

// SecurityFlags narrow or widen the container's rights.
type SecurityFlags struct {
	CapAdd       []string `sep:"none" placeholder:"CAP" help:"Add a capability, or ALL."`
	CapDrop      []string `sep:"none" placeholder:"CAP" help:"Drop a capability, or ALL."`
	SecurityOpt  []string `sep:"none" placeholder:"OPTION" help:"seccomp=, apparmor=, label=, no-new-privileges, systempaths=unconfined."`
	Sysctl       []string `sep:"none" placeholder:"KEY=VALUE" help:"Set a kernel parameter of the container's namespaces."`
	PID          string   `name:"pid" placeholder:"MODE" help:"PID namespace: host or container:NAME."`
	IPC          string   `name:"ipc" placeholder:"MODE" help:"IPC namespace: private, shareable, host, none or container:NAME."`
	UTS          string   `name:"uts" placeholder:"MODE" help:"UTS namespace: host."`
	Userns       string   `placeholder:"MODE" help:"User namespace: host, auto or keep-id."`
	Cgroupns     string   `placeholder:"MODE" help:"Cgroup namespace: host or private."`
	CgroupParent string   `placeholder:"PATH" help:"Cgroup below which the container's is made."`
}

// LifeFlags say what happens over the container's life.
type LifeFlags struct {
	Restart             string   `default:"no" placeholder:"POLICY" help:"no, always, unless-stopped or on-failure[:N]."`
	StopSignal          string   `placeholder:"SIGNAL" help:"Signal that stops the container."`
	StopTimeout         *int     `placeholder:"SECONDS" help:"Time to stop before it is killed; -1 waits for ever."`
	Timeout             int      `placeholder:"SECONDS" help:"Kill the container after this time."`
	HealthCmd           string   `placeholder:"COMMAND" help:"Command that checks the health."`
	HealthInterval      string   `placeholder:"DURATION" help:"Time between health checks."`
	HealthOnFailure     string   `placeholder:"ACTION" help:"What follows when it is unhealthy: none or restart."`
	HealthRetries       int      `placeholder:"N" help:"Failures in a row that mean unhealthy."`
	HealthStartInterval string   `placeholder:"DURATION" help:"Time between checks during the start period."`
	HealthStartPeriod   string   `placeholder:"DURATION" help:"Time in which failures do not count."`
	HealthTimeout       string   `placeholder:"DURATION" help:"Time that one check may take."`
	NoHealthcheck       bool     `help:"Do not run the image's health check."`
	LogDriver           string   `placeholder:"DRIVER" help:"json-file, local or none."`
	LogOpt              []string `sep:"none" placeholder:"KEY=VALUE" help:"max-size or max-file of the log."`
}
