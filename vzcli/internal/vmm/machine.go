package vmm

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
)

// Times that a guest may take.
const (
	connectTime     = 2 * time.Minute // to boot to its agent, on a busy machine
	shutdownTime    = 15 * time.Second
	macConnectTime  = 5 * time.Minute // the first boot after provisioning is the longest
	macShutdownTime = time.Minute
)

// A machine is the VM with its agent. The agent's connection ends when the machine
// is saved and is made anew.
type machine struct {
	vm          *vzcore.VM
	config      config.Config
	accelerator string
	agentless   bool // a macOS guest that was not provisioned

	mu    sync.Mutex
	agent *vzlinux.Agent // guarded by mu; nil without
}

// mac tells whether it is a macOS guest, which sets up its network by DHCP and mounts its
// share itself.
func (m *machine) mac() bool { return m.config.Boot.Kind == config.BootMacOS }

// shares are those that the agent mounts.
func (m *machine) shares() []config.Share {
	if m.mac() {
		return nil
	}
	return m.config.Shares
}

// connect reaches the agent and has it set up what the guest has.
func (m *machine) connect(ctx context.Context) error {
	limit := connectTime
	if m.mac() {
		limit = macConnectTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	agent, err := vzlinux.Await(ctx, func(ctx context.Context, port uint32) (agentproto.Conn, error) { return m.vm.Dial(ctx, port) }, m.vm.Listen)
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.agent = agent
	m.mu.Unlock()
	m.vm.SetEject(func(ctx context.Context, slot int) error {
		return agent.Call(ctx, agentproto.MethodEject, agentproto.EjectRequest{Slot: slot}, nil)
	})
	return nil
}

// setUp configures a guest that has just booted: network and mounts.
func (m *machine) setUp(ctx context.Context, hostname string) error {
	agent := m.present()
	if err := agent.SetClock(ctx); err != nil {
		return err
	}
	if err := m.network(ctx, agent, hostname); err != nil {
		return err
	}
	for _, s := range m.shares() {
		if err := m.mount(ctx, agent, m.vm.ShareKind(s.Tag), s); err != nil {
			return err
		}
	}
	return nil
}

// network configures the guest's card, if it has one.
func (m *machine) network(ctx context.Context, agent *vzlinux.Agent, hostname string) error {
	if m.config.Network.Kind != config.NetworkUser || m.mac() {
		return nil
	}
	subnet, gateway, guest := m.config.Network.User.Addresses()
	return agent.Call(ctx, agentproto.MethodNetworkUp, agentproto.NetworkRequest{
		Address: netip.PrefixFrom(guest, subnet.Bits()), Gateway: gateway, DNS: []netip.Addr{gateway}, Hostname: hostname,
		MTU: m.config.Network.User.MTU, MAC: m.config.Network.MAC,
	}, nil)
}

// mountPath is where a share is in the guest.
func mountPath(tag string) string { return "/mnt/" + tag }

func (m *machine) mount(ctx context.Context, agent *vzlinux.Agent, kind string, s config.Share) error {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	return agent.Call(ctx, agentproto.MethodMount, agentproto.MountRequest{Kind: kind, Tag: s.Tag, Path: mountPath(s.Tag), ReadOnly: s.ReadOnly}, nil)
}

func (m *machine) present() *vzlinux.Agent {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.agent
}

// save saves the machine; it runs on afterwards unless that is not wanted. Shares are
// taken away before and given back after.
func (m *machine) save(ctx context.Context, req SaveRequest) error {
	agent := m.present()
	if agent == nil {
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "save: the guest's agent does not answer")
	}
	for _, s := range m.shares() {
		if err := agent.Call(ctx, agentproto.MethodUnmount, agentproto.FileRequest{Path: mountPath(s.Tag)}, nil); err != nil {
			return errors.Join(err, m.shareAgain(ctx))
		}
		if err := m.vm.Unplug(ctx, s.Tag); err != nil && !errors.Is(err, vzcontract.ErrUnsupported) {
			return errors.Join(err, m.shareAgain(ctx))
		}
	}
	if err := agent.Call(ctx, agentproto.MethodFreeze, struct{}{}, nil); err != nil {
		return errors.Join(err, m.shareAgain(ctx))
	}
	err := m.vm.Save(ctx, req.Dir, map[string]string{"agent": agent.Hello().Version})
	if err == nil && req.Pause {
		return nil
	}
	if state, _ := m.vm.State(); state == vzcore.Paused {
		if again := m.vm.Resume(ctx); again != nil {
			return errors.Join(err, again)
		}
	}
	_ = agent.Close()
	return errors.Join(err, m.goOn(ctx, ""))
}

// goOn reaches the agent of a machine that was saved, and gives shares back. With a
// name the guest becomes another machine of that name than the one that was saved.
func (m *machine) goOn(ctx context.Context, name string) error {
	if err := m.connect(ctx); err != nil {
		return err
	}
	thaw := agentproto.ThawRequest{Now: time.Now(), Host: name}
	if name != "" {
		seed := make([]byte, 64)
		id := make([]byte, 16)
		_, _ = rand.Read(seed) // never fails
		_, _ = rand.Read(id)
		thaw.Entropy, thaw.Machine = seed, hex.EncodeToString(id)
	}
	if err := m.present().Call(ctx, agentproto.MethodThaw, thaw, nil); err != nil {
		return err
	}
	return m.shareAgain(ctx)
}

// shareAgain plugs and mounts the shares that are not there.
func (m *machine) shareAgain(ctx context.Context) error {
	agent := m.present()
	for _, s := range m.shares() {
		kind := m.vm.ShareKind(s.Tag)
		if kind == "" {
			var err error
			if kind, err = m.vm.Plug(ctx, s); err != nil {
				return err
			}
		} else if mounted, err := m.mounted(ctx, agent, s.Tag); err != nil {
			return err
		} else if mounted {
			continue
		}
		if err := m.mount(ctx, agent, kind, s); err != nil {
			return err
		}
	}
	return nil
}

// mounted tells whether something is mounted where a share belongs.
func (m *machine) mounted(ctx context.Context, agent *vzlinux.Agent, tag string) (bool, error) {
	var mounts strings.Builder
	if err := agent.ReadFile(ctx, &mounts, agentproto.FileRequest{Path: "/proc/mounts"}); err != nil {
		return false, err
	}
	return strings.Contains(mounts.String(), " "+mountPath(tag)+" "), nil
}

// stop has the guest shut down, and ends it if that takes too long. A macOS guest that
// nobody can shut down goes on unless it is forced to end.
func (m *machine) stop(ctx context.Context, force bool) error {
	if force {
		// The machine's end ends this process too, and ctx with it.
		return m.vm.Stop(context.WithoutCancel(ctx))
	}
	limit := shutdownTime
	if m.mac() {
		limit = macShutdownTime
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	agent := m.present()
	err := errors.New("it has no agent")
	if agent != nil {
		err = agent.Shutdown(ctx)
	}
	switch {
	case err != nil && m.mac():
		return vzcontract.Errorf(vzcontract.ErrUnsupported,
			"shut down the guest: %w; macOS ignores a request to stop, only its agent can do it: shut it down from within, or end it with vz vm stop --force, as if its power was cut", err)
	case err != nil:
		err = m.vm.RequestStop(ctx)
	}
	if err == nil && m.vm.Wait(ctx) == nil {
		return nil
	}
	return m.vm.Stop(context.WithoutCancel(ctx))
}
