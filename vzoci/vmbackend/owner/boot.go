package owner

import (
	"context"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/container"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// Profile is that of the kernels that machines boot.
const Profile = "container"

// boot starts the machine and has the guest set up what its container needs.
func (o *owner) boot(ctx context.Context, opts Options) error {
	cfg, err := o.config(opts)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, bootTime)
	defer cancel()
	if o.warm = o.startWarm(ctx, opts, cfg); !o.warm {
		err = o.startCold(ctx, opts, cfg)
	}
	if err == nil {
		err = o.setUp(ctx, cfg)
	}
	if err != nil && o.vm != nil {
		_ = o.vm.Close()
	}
	return err
}

func (o *owner) startCold(ctx context.Context, opts Options, cfg config.Config) (err error) {
	if o.fresh {
		if err := opts.Format(ctx, cfg.Disks[0].Path, o.record.DiskBytes()); err != nil {
			return err
		}
	}
	if err = o.open(opts, cfg); err != nil {
		return err
	}
	if err := o.vm.Start(ctx); err != nil {
		return err
	}
	return o.meet(ctx)
}

// open makes the machine, which does not run yet.
func (o *owner) open(opts Options, cfg config.Config) (err error) {
	if o.vm, err = vzcore.New(opts.Driver, cfg, o.store.RunDir(o.record.ID)); err != nil {
		return err
	}
	return o.net.plugInto(o.vm)
}

func (o *owner) meet(ctx context.Context) (err error) {
	o.agent, err = vzlinux.Await(ctx, func(ctx context.Context, port uint32) (agentproto.Conn, error) { return o.vm.Dial(ctx, port) }, o.vm.Listen)
	return err
}

// machineConfig is what machines of one template have in common.
func machineConfig(t Template, disk, console string) (config.Config, error) {
	bundle, err := vzlinux.FindBundle(t.Bundle, t.Arch, Profile, agentproto.CapabilityInit, agentproto.CapabilityContainers)
	if err != nil {
		return config.Config{}, err
	}
	c := config.Default()
	c.CPUs, c.Memory = t.CPUs, t.Memory
	c.Boot.Kernel, c.Boot.Initramfs, c.Boot.HZ = bundle.Kernel(), bundle.Initramfs(), bundle.Version.HZ
	c.Boot.KernelSHA256, c.Boot.InitramfsSHA256 = bundle.Digests()
	c.Boot.CommandLine = "dummy.numdummies=0" // no container finds a card that it did not ask for
	c.Console.Log = console
	c.Disks = []config.Disk{{ID: guest.DiskID, Path: disk, Sync: config.SyncNone, Saved: t.Fresh}}
	c.Network.Kind = config.NetworkNone
	switch {
	case t.Cards > 0:
		c.Network.Kind, c.Network.Cards = config.NetworkCards, t.Cards
	case t.Network:
		c.Network.Kind = config.NetworkUser
	}
	return c, nil
}

func (o *owner) config(opts Options) (config.Config, error) {
	c, err := machineConfig(o.template(opts), o.store.Disk(o.record.ID), o.store.Console(o.record.ID))
	if err != nil {
		return c, err
	}
	// It grows with what containers get after they were made.
	c.Shares = []config.Share{{Tag: guest.ShareTag, Entries: o.allEntries(), Trusted: true, Growing: true}}
	c.Network.MAC = o.record.MAC
	return c, nil
}

// diskMount mounts the disk with the guest's containers.
var diskMount = agentproto.MountRequest{Kind: "ext4", Tag: guest.DiskID, Path: guest.StatePath}

// setUp configures a guest that has booted.
func (o *owner) setUp(parent context.Context, cfg config.Config) error {
	work, ctx := errgroup.WithContext(parent)
	call := func(method string, req any) {
		work.Go(func() error { return o.agent.Call(ctx, method, req, nil) })
	}
	if cfg.Network.Kind == config.NetworkUser {
		subnet, gateway, address := cfg.Network.User.Addresses()
		call(agentproto.MethodNetworkUp, agentproto.NetworkRequest{
			Address: netip.PrefixFrom(address, subnet.Bits()), Gateway: gateway, DNS: []netip.Addr{gateway}, MAC: cfg.Network.MAC,
		})
	}
	if o.net != nil {
		call(agentproto.MethodNetworkFiles, agentproto.NetworkFiles{}) // so that the container's mounts are there
	}
	for _, s := range cfg.Shares {
		call(agentproto.MethodMount, agentproto.MountRequest{Kind: o.vm.ShareKind(s.Tag), Tag: s.Tag, Path: guest.SharePath})
	}
	if !o.warm || !cfg.Disks[0].Saved { // else it was mounted when it was saved
		call(agentproto.MethodMount, diskMount)
	}
	if err := work.Wait(); err != nil {
		return err
	}
	ctx = parent
	// Only now is the guest quiet enough to get the time in time.
	o.clock = time.Now()
	if err := o.agent.SetClock(ctx); err != nil {
		return err
	}
	has, err := container.Ask(ctx, o.agent)
	if err != nil {
		return err
	}
	o.runtime = container.New(o.agent, container.Options{Capabilities: has})
	if err := o.furnishAll(ctx); err != nil {
		return err
	}
	return o.disinherit(ctx)
}
