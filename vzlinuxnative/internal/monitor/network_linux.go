package monitor

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/network"
)

// joined is a run's part in networks.
type joined struct {
	mode  string // the only network, where it is no bridge
	files []engine.ResolvedMount
	held  bool // by an egress policy, be it that of a container whose network it shares

	mu  sync.Mutex
	box *network.Sandbox // nil without a bridge; guarded by mu
}

// etcFiles are the files in /etc that a container has of its own.
var etcFiles = []string{"hosts", "resolv.conf", "hostname"}

// reserve takes addresses and ports for a run, and writes its files.
func (m *monitor) reserve(r *run, st *record.State, undo *cleanups) error {
	dir := m.store.Dir(m.id)
	mode := r.cfg.NetworkMode
	if err := m.hold(r); err != nil {
		return err
	}
	if name, ok := strings.CutPrefix(mode, "container:"); ok {
		id, err := m.store.Find(name)
		if err != nil {
			return fmt.Errorf("network of container %s: %w", name, err)
		}
		dir = m.store.Dir(id)
		r.net.mode = mode
		r.net.files = etcMounts(dir, "hosts", "resolv.conf")
		own := m.store.Dir(m.id)
		r.net.files = append(r.net.files, etcMounts(own, "hostname")...)
		hostname := m.hostname(m.id, r.cfg)
		if r.cfg.Namespaces.UTS == "" {
			r.cfg.Hostname = hostname
		}
		return os.WriteFile(filepath.Join(own, "hostname"), []byte(hostname+"\n"), 0o644)
	}
	r.net.files = etcMounts(dir, etcFiles...)
	if places := record.Attachments(r.cfg, st); len(places) > 0 {
		box, err := m.nets.Reserve(context.Background(), m.networkRequest(r.cfg, places))
		if err != nil {
			return err
		}
		r.net.box = box
		undo.add(r.net.close)
		return nil
	}
	r.net.mode = cmp.Or(mode, network.NoNetwork)
	return network.WriteFiles(dir, network.Files{
		Hostname: m.hostname(m.id, r.cfg), Domainname: r.cfg.Domainname, ExtraHosts: r.cfg.ExtraHosts, DNS: r.cfg.DNS,
		SharesHost: mode == network.HostNetwork,
	})
}

// hold refuses a run that shares the network of a container with an egress policy and
// could get around that.
func (m *monitor) hold(r *run) error {
	cfg := r.cfg
	for range 100 { // they could share each other's
		if cfg.Egress != nil {
			r.net.held = true
			return network.CanHold(&r.cfg)
		}
		name, ok := strings.CutPrefix(cfg.NetworkMode, "container:")
		if !ok {
			return nil
		}
		id, err := m.store.Find(name)
		if err != nil {
			return fmt.Errorf("network of container %s: %w", name, err)
		}
		target, err := m.store.Config(id)
		if err != nil {
			return fmt.Errorf("network of container %s: %w", name, err)
		}
		cfg = target.Run
	}
	return fmt.Errorf("network %s: containers share each other's networks in a circle", r.cfg.NetworkMode)
}

func etcMounts(dir string, names ...string) []engine.ResolvedMount {
	var list []engine.ResolvedMount
	for _, name := range names {
		list = append(list, engine.ResolvedMount{
			Mount:    vzcontract.Mount{Type: vzcontract.MountBind, Target: "/etc/" + name},
			HostPath: filepath.Join(dir, name),
		})
	}
	return list
}

// hostname is what a container calls itself: on the network of another as that one does,
// whose hosts file has the name.
func (m *monitor) hostname(id string, cfg vzcontract.RunConfig) string {
	for range 100 { // they could share each other's
		other, joined := strings.CutPrefix(cfg.NetworkMode, "container:")
		if cfg.Hostname != "" || !joined {
			break
		}
		otherID, err := m.store.Find(other)
		if err != nil {
			break
		}
		target, err := m.store.Config(otherID)
		if err != nil {
			break
		}
		id, cfg = otherID, target.Run
	}
	if cfg.Hostname == "" && cfg.NetworkMode == network.HostNetwork {
		if name, err := os.Hostname(); err == nil {
			return name
		}
	}
	return cmp.Or(cfg.Hostname, id[:12])
}

func (m *monitor) networkRequest(cfg vzcontract.RunConfig, places []vzcontract.NetworkAttach) network.Request {
	return network.Request{
		ContainerID: m.id, Name: cfg.Name, Hostname: m.hostname(m.id, cfg), Domainname: cfg.Domainname,
		Networks: places, Ports: cfg.Ports, PublishAll: cfg.PublishAll,
		Exposed: slices.Concat(cfg.Expose, m.cfg.ImageConfig.ExposedPorts),
		DNS:     cfg.DNS, ExtraHosts: cfg.ExtraHosts, Egress: cfg.Egress, FilesDir: m.store.Dir(m.id),
	}
}

// connect puts interfaces into the network namespace of the created container.
func (r *run) connect() error {
	r.net.mu.Lock()
	defer r.net.mu.Unlock()
	if r.net.box == nil {
		return nil
	}
	return connectTo(r.net.box, r.c.PID())
}

func connectTo(box *network.Sandbox, pid int) error {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return fmt.Errorf("network namespace: %w", err)
	}
	defer ns.Close()
	return box.Connect(context.Background(), ns)
}

// places are the run's endpoints and published ports.
func (r *run) places() ([]vzcontract.NetworkEndpoint, []vzcontract.PublishedPort) {
	r.net.mu.Lock()
	defer r.net.mu.Unlock()
	if r.net.box != nil {
		return r.net.box.Endpoints(), r.net.box.Ports()
	}
	if r.net.mode == network.HostNetwork || r.net.mode == network.NoNetwork {
		return []vzcontract.NetworkEndpoint{{Network: r.net.mode}}, nil
	}
	return nil, nil
}

func (j *joined) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.box == nil {
		return nil
	}
	return j.box.Leave(context.Background())
}
