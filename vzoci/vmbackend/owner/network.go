package owner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// A Wiring is a machine's part in the host's networks, as package
// vzlinuxnative/network/machine makes it. Card n of the machine is the container's
// interface "eth<n>".
type Wiring interface {
	// Card returns the end of the cable of card n that the hypervisor gets.
	Card(n int) (*os.File, error)
	// Join puts the container on cfg.Networks, publishes its ports and writes its
	// files hosts, hostname and resolv.conf in dir.
	Join(ctx context.Context, id string, cfg vzcontract.RunConfig, dir string) error
	Connect(ctx context.Context, at vzcontract.NetworkAttach) error
	Disconnect(ctx context.Context, network string) error
	Rename(name string) error
	Places() ([]vzcontract.NetworkEndpoint, []vzcontract.PublishedPort)
	// Tie makes interfaces and cables one, and says what the guest makes of each
	// card, by number.
	Tie() (map[int]vzcontract.NetworkCard, error)
	// Relays tells whether DialOut has to make the guest's TCP connections over IPv4,
	// all but those to direct. What the guest has to make itself is
	// vzcontract.ErrNotFound.
	Relays() (direct []netip.Prefix, relays bool)
	DialOut(ctx context.Context, target netip.AddrPort) (net.Conn, error)
	// DialNames connects with what answers the container's questions for names.
	DialNames(ctx context.Context, protocol string) (net.Conn, error)
	Traffic() ([]vzcontract.NetStats, error)
	// Leave ends what Join and Connect did, Close all. Both are idempotent.
	Leave(ctx context.Context) error
	Close() error
}

// A joint is where machine and networks meet. The methods of nil are those of a
// machine that joins none.
type joint struct {
	wiring Wiring

	mu     sync.Mutex   // taken after contained.mu, if both are
	record guest.Record // guarded by mu: the one with the networks as they are
	cards  int          // guarded by mu once the machine runs: how many it has
	name   string       // guarded by mu: of the container, as the networks know it
	joined bool         // guarded by mu
	asked  bool         // guarded by mu: the guest may ask the host
}

func newJoint(r guest.Record, wire func() Wiring) (*joint, error) {
	if !r.Cards {
		return nil, nil
	}
	if wire == nil {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "the container joins the host's networks, which this build of vz-vmm does not know")
	}
	return &joint{wiring: wire(), record: r, cards: cards(r)}, nil
}

// cards is how many cards a machine starts with.
func cards(r guest.Record) int {
	if !r.Cards {
		return 0
	}
	return min(len(r.Attachments()), config.MaxCards)
}

// plugInto gives a machine that has not started its cables.
func (j *joint) plugInto(vm *vzcore.VM) error {
	if j == nil {
		return nil
	}
	return vm.SetCards(j.wiring.Card)
}

func (j *joint) close() error {
	if j == nil {
		return nil
	}
	return j.wiring.Close()
}

func (j *joint) leave() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.joined = false
	return j.wiring.Leave(context.Background())
}

// places are the container's networks and ports. name is what it is called now.
func (j *joint) places(name string) ([]vzcontract.NetworkEndpoint, []vzcontract.PublishedPort, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.joined {
		return nil, nil, nil
	}
	if name != "" && name != j.name {
		if err := j.wiring.Rename(name); err != nil {
			return nil, nil, err
		}
		j.name = name
	}
	places, ports := j.wiring.Places()
	return places, ports, nil
}

func (j *joint) traffic() ([]vzcontract.NetStats, error) {
	if j == nil {
		return nil, nil
	}
	return j.wiring.Traffic()
}

// publish gives a container that is about to start its networks and ports. One that runs
// has them.
func (o *owner) publish(ctx context.Context, c *contained) error {
	if err := o.ready(ctx, c); err != nil {
		return err
	}
	state, err := o.refresh(ctx, c)
	if err != nil {
		return err
	}
	if s := state.Info.State; s == vzcontract.StateRunning || s == vzcontract.StatePaused {
		return nil
	}
	c.start(&state.Info.StartedAt)
	if o.net != nil {
		err = o.join(ctx, state.Info)
	} else {
		err = c.ports.publish(ctx, c.record.Ports, o.dialer(c))
	}
	if err != nil {
		return errors.Join(err, o.withdraw(ctx, c))
	}
	return nil
}

// withdraw takes back what was published for a start that has failed.
func (o *owner) withdraw(ctx context.Context, c *contained) error {
	c.start(nil)
	_, err := o.refresh(context.WithoutCancel(ctx), c)
	return err
}

// join puts the container on its networks.
func (o *owner) join(ctx context.Context, info vzcontract.ContainerInfo) error {
	j := o.net
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := os.MkdirAll(o.store.Etc(o.record.ID), 0o700); err != nil {
		return err
	}
	cfg := o.record.Config
	cfg.Name, cfg.Networks, cfg.Ports = info.Name, j.record.Attachments(), o.record.Ports
	if len(o.record.Images) > 0 && cfg.Image != "" {
		cfg.Expose = slices.Concat(cfg.Expose, o.record.Images[0].RootFS.Image.Config.ExposedPorts)
	}
	if err := j.wiring.Join(ctx, info.ID, cfg, o.store.Etc(o.record.ID)); err != nil {
		return err
	}
	j.name, j.joined = info.Name, true
	if !j.asked {
		if err := o.listen(); err != nil {
			return err
		}
		j.asked = true
	}
	return o.dress(ctx, info.ID)
}

// dress has the guest's cards and files be as those of the container are on the host.
// The caller holds o.net.mu.
func (o *owner) dress(ctx context.Context, id string) error {
	places, _ := o.net.wiring.Places()
	for _, e := range places {
		n, err := strconv.Atoi(strings.TrimPrefix(e.Interface, "eth"))
		if err != nil {
			return fmt.Errorf("interface %q is no card's: %w", e.Interface, err)
		}
		for ; o.net.cards <= n; o.net.cards++ {
			if err := o.vm.PlugCard(ctx, o.net.cards); err != nil {
				return err
			}
		}
	}
	tied, err := o.net.wiring.Tie()
	if err != nil {
		return err
	}
	hostname := o.record.Config.Hostname
	if hostname == "" {
		hostname = id[:min(len(id), shortID)]
	}
	req := agentproto.NetworkCards{Cards: []vzcontract.NetworkCard{}, Hostname: hostname, Sysctls: netSysctls(o.record.Config)}
	req.Direct, req.Relay = o.net.wiring.Relays()
	for n := range config.MaxCards {
		if card, ok := tied[n]; ok {
			card.Hardware = config.CardMAC(n)
			req.Cards = append(req.Cards, card)
		}
	}
	req.Names = len(req.Cards) > 0
	var files agentproto.NetworkFiles
	for name, to := range map[string]*string{"hosts": &files.Hosts, "hostname": &files.Hostname, "resolv.conf": &files.Resolv} {
		text, err := os.ReadFile(filepath.Join(o.store.Etc(o.record.ID), name))
		if err != nil {
			return err
		}
		*to = string(text)
	}
	if err := o.agent.Call(ctx, agentproto.MethodNetworkFiles, files, nil); err != nil {
		return err
	}
	return o.agent.Call(ctx, agentproto.MethodNetworkCards, req, nil)
}

const shortID = 12

// netSysctls are the parameters of the container's network.
func netSysctls(cfg vzcontract.RunConfig) map[string]string {
	set := map[string]string{}
	for name, value := range cfg.Sysctls {
		if guest.OfNetwork(name) {
			set[name] = value
		}
	}
	return set
}

// connect puts the container on one more network, at once if it runs.
func (o *owner) connect(ctx context.Context, c *contained, at vzcontract.NetworkAttach) error {
	return o.change(ctx, c, "connect", at.Network, func(r *guest.Record) error { return r.Connect(at) }, func(id string) error {
		err := o.net.wiring.Connect(ctx, at)
		if err != nil {
			return err
		}
		if err = o.dress(ctx, id); err != nil {
			undo := context.WithoutCancel(ctx)
			return errors.Join(err, o.net.wiring.Disconnect(undo, at.Network), o.dress(undo, id))
		}
		return nil
	})
}

// disconnect takes the container off a network, at once if it runs.
func (o *owner) disconnect(ctx context.Context, c *contained, network string) error {
	return o.change(ctx, c, "disconnect", network, func(r *guest.Record) error { return r.Disconnect(network) }, func(id string) error {
		if err := o.net.wiring.Disconnect(ctx, network); err != nil {
			return err
		}
		return o.dress(ctx, id)
	})
}

// change notes a change of the container's networks, and makes it if it is on any now.
func (o *owner) change(ctx context.Context, c *contained, action, network string, note func(*guest.Record) error, do func(id string) error) error {
	if o.net == nil {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "%s network %s: the machine has a network of its own", action, network)
	}
	state, err := o.refresh(ctx, c) // it may have ended
	if err != nil {
		return err
	}
	o.net.mu.Lock()
	defer o.net.mu.Unlock()
	next := o.net.record
	if err := note(&next); err != nil {
		return err
	}
	if o.net.joined {
		if err := do(state.Info.ID); err != nil {
			return err
		}
	}
	o.net.record = next
	if err := o.store.Save(next); err != nil {
		return err
	}
	return o.store.Emit(o.named(vzcontract.Event{
		Time: time.Now().UTC(), Type: "container", Action: action, ID: state.Info.ID,
		Attributes: map[string]string{"name": state.Info.Name, "network": network},
	}))
}
