package system

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

type info struct {
	Format string `short:"f" placeholder:"FORMAT" help:"json or a Go template."`
}

// A description is what info prints; names as docker's where it has them.
type description struct {
	ServerVersion     string
	Name              string
	Backend           string
	Isolation         string
	Driver            string
	LoggingDriver     string
	CgroupDriver      string `json:",omitempty"`
	CgroupVersion     string `json:",omitempty"`
	MemoryLimit       bool
	CPUShares         bool
	CPUSet            bool
	CPUCfsPeriod      bool `json:"CpuCfsPeriod"`
	CPUCfsQuota       bool `json:"CpuCfsQuota"`
	PidsLimit         bool
	SecurityOptions   []string
	Plugins           plugins
	Runtimes          map[string]struct{}
	DefaultRuntime    string
	Swarm             swarm
	OperatingSystem   string
	OSVersion         string
	OSType            string
	Architecture      string // as uname has it
	KernelVersion     string
	NCPU              int
	MemTotal          int64
	SystemTime        string
	DockerRootDir     string
	RunDir            string
	Containers        int
	ContainersRunning int
	ContainersPaused  int
	ContainersStopped int
	Images            int
	// IndexServerAddress is the registry of names without one, as logins are kept for it.
	IndexServerAddress string
	LiveRestoreEnabled bool // there is no daemon that containers would end with
	// Machines are those that several containers share.
	Machines []machine `json:",omitempty"`
	Missing  map[vzcontract.Feature]string
}

// plugins are the drivers that there are.
type plugins struct{ Volume, Network, Log []string }

// swarm says that there is none.
type swarm struct {
	NodeID, LocalNodeState string
	ControlAvailable       bool
}

type machine struct {
	Name       string
	Phase      vzcontract.SharedVMPhase
	Containers int
}

// machines are the shared machines that containers live in, by name.
func machines(env *command.Env, b vzcontract.RuntimeBackend, all []vzcontract.ContainerInfo) ([]machine, error) {
	vm, ok := b.(vzcontract.SharedVM)
	if !ok {
		return nil, nil
	}
	count := map[string]int{}
	for _, c := range all {
		if c.Config.SharedVM != "" {
			count[c.Config.SharedVM]++
		}
	}
	var list []machine
	for _, name := range slices.Sorted(maps.Keys(count)) {
		phase, err := vm.SharedVMPhase(env.Ctx, name)
		if err != nil {
			return nil, err
		}
		list = append(list, machine{Name: name, Phase: phase, Containers: count[name]})
	}
	return list, nil
}

// Run implements command.Verb.
func (c *info) Run(env *command.Env) error {
	d, err := describe(env)
	if err != nil {
		return err
	}
	if format := env.Listing(c.Format, false).Format; format != "" {
		return output.Documents(env.Stdout, format, []description{d})
	}
	w := env.Stdout
	fmt.Fprintf(w, "Server Version: %s\nBackend: %s\nIsolation: %s\n", d.ServerVersion, d.Backend, d.Isolation)
	fmt.Fprintf(w, "Containers: %d\n Running: %d\n Paused: %d\n Stopped: %d\nImages: %d\n",
		d.Containers, d.ContainersRunning, d.ContainersPaused, d.ContainersStopped, d.Images)
	fmt.Fprintf(w, "Logging Driver: %s\n", d.LoggingDriver)
	if d.CgroupDriver != "" {
		fmt.Fprintf(w, "Cgroup Driver: %s\nCgroup Version: %s\n", d.CgroupDriver, d.CgroupVersion)
	}
	if len(d.SecurityOptions) > 0 {
		fmt.Fprintf(w, "Security Options: %s\n", strings.Join(d.SecurityOptions, " "))
	}
	fmt.Fprintf(w, "Kernel Version: %s\nOperating System: %s\nOSType: %s\nArchitecture: %s\nCPUs: %d\nTotal Memory: %s\nName: %s\n",
		d.KernelVersion, d.OperatingSystem, d.OSType, d.Architecture, d.NCPU, output.BinarySize(uint64(d.MemTotal)), d.Name)
	fmt.Fprintf(w, "State directory: %s\nRuntime directory: %s\n", d.DockerRootDir, d.RunDir)
	for _, m := range d.Machines {
		fmt.Fprintf(w, "Machine: %s: %s, %d containers\n", m.Name, m.Phase, m.Containers)
	}
	for _, feature := range slices.Sorted(maps.Keys(d.Missing)) {
		fmt.Fprintf(w, "Missing: %s: %s\n", feature, d.Missing[feature])
	}
	return nil
}

func describe(env *command.Env) (description, error) {
	s, err := env.Services()
	if err != nil {
		return description{}, err
	}
	d := description{
		ServerVersion: command.Version(), Backend: s.Backend.BackendName(), Isolation: string(s.Backend.Isolation()), OSType: "linux",
		Architecture: uname(runtime.GOARCH), NCPU: runtime.NumCPU(), DockerRootDir: s.Home, RunDir: s.Run, Missing: s.Backend.Capabilities().Missing,
		LoggingDriver: "json-file", SecurityOptions: []string{}, Swarm: swarm{LocalNodeState: "inactive"}, LiveRestoreEnabled: true,
		Plugins:    plugins{Volume: []string{"local"}, Network: []string{"bridge", "host", "null"}, Log: []string{"json-file", "local", "none"}},
		SystemTime: time.Now().Format(time.RFC3339Nano), IndexServerAddress: "https://index.docker.io/v1/",
	}
	d.DefaultRuntime, d.Runtimes = d.Backend, map[string]struct{}{d.Backend: {}}
	d.OperatingSystem, d.OSVersion = operatingSystem()
	if s.Host != nil {
		h := s.Host()
		d.CgroupDriver, d.CgroupVersion, d.SecurityOptions = h.CgroupDriver, h.CgroupVersion, h.SecurityOptions
		has := func(controller string) bool { return slices.Contains(h.Controllers, controller) }
		d.MemoryLimit, d.CPUSet, d.PidsLimit = has("memory"), has("cpuset"), has("pids")
		d.CPUShares, d.CPUCfsPeriod, d.CPUCfsQuota = has("cpu"), has("cpu"), has("cpu")
	}
	d.KernelVersion, d.MemTotal = host()
	if d.Name, err = os.Hostname(); err != nil {
		return d, err
	}
	all, err := s.Backend.List(env.Ctx)
	if err != nil {
		return d, err
	}
	d.Containers = len(all)
	for _, c := range all {
		switch c.State {
		case vzcontract.StateRunning:
			d.ContainersRunning++
		case vzcontract.StatePaused:
			d.ContainersPaused++
		default:
			d.ContainersStopped++
		}
		if d.Driver == "" {
			d.Driver = c.RootfsDriver
		}
	}
	if d.Machines, err = machines(env, s.Backend, all); err != nil {
		return d, err
	}
	images, err := s.Images.ListImages(env.Ctx)
	d.Images = len(images)
	return d, err
}

// uname is uname's word for an architecture of Go.
func uname(arch string) string {
	switch arch {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return arch
}

// operatingSystem is what the host calls itself, and its version.
func operatingSystem() (name, version string) {
	data, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return runtime.GOOS, ""
	}
	name = runtime.GOOS
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch value = strings.Trim(value, `"'`); key {
		case "PRETTY_NAME":
			name = value
		case "VERSION_ID":
			version = value
		}
	}
	return name, version
}
