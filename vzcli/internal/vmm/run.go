package vmm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"vz.internal/vzcli/internal/vmrecord"
	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/macos"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
)

// Options says what to run.
type Options struct {
	Registry vmrecord.Registry
	Name     string
	Restore  string // directory of a saved state; empty boots
	Renew    bool   // with Restore: another machine than the one that was saved
	// Open opens the hypervisor for guests of an architecture. Empty arguments leave the
	// choice to it.
	Open func(arch, accelerator string) (Hypervisor, error)
	// Ready is called once when the guest's agent has answered; if it has none, when the
	// guest boots.
	Ready func()
}

// A Hypervisor is what machines run by.
type Hypervisor struct {
	Driver vzcore.Driver
	Arch   string // of its guests, as bundles call it
	// Accelerator says by what a machine runs, as people read it.
	Accelerator func(ctx context.Context, cfg config.Config) (string, error)
}

// Run runs a machine until it ends; when ctx ends, the guest is shut down. The
// machine's record says what happened.
func Run(ctx context.Context, opts Options) (err error) {
	r, name := opts.Registry, opts.Name
	rec, err := r.Open(name)
	if err != nil {
		return err
	}
	lock, err := r.Lock(name)
	if err != nil {
		return err
	}
	defer lock.Close()
	state := vmrecord.State{Status: vmrecord.Running, PID: os.Getpid(), Started: time.Now().UTC()}
	if err := r.SetState(name, state); err != nil {
		return err
	}
	defer func() {
		state.Status, state.Stopped, state.PID = vmrecord.Stopped, time.Now().UTC(), 0
		if err != nil {
			state.Reason = err.Error()
		}
		err = errors.Join(err, os.RemoveAll(r.RunDir(name)), r.SetState(name, state))
	}()
	if err := errors.Join(os.RemoveAll(r.RunDir(name)), os.MkdirAll(r.RunDir(name), 0o700)); err != nil {
		return err
	}
	if rec.MacOS != nil {
		slot, err := macos.Slot(r.MacSlots(), name)
		if err != nil {
			return err
		}
		defer slot.Close()
	}
	m, err := open(ctx, opts, rec)
	if err != nil {
		return err
	}
	defer m.vm.Close()
	if err := m.start(ctx, opts); err != nil {
		return err
	}
	return m.serve(ctx, r, name, opts.Ready)
}

// open makes the machine of a record.
func open(ctx context.Context, opts Options, rec vmrecord.Record) (*machine, error) {
	r := opts.Registry
	h, err := opts.Open(rec.Arch, rec.Accelerator)
	if err != nil {
		return nil, err
	}
	cfg := rec.Config
	cfg.Console.Log = r.Console(rec.Name)
	m := &machine{agentless: rec.MacOS != nil && !macos.Files{Dir: r.Dir(rec.Name)}.Provisioned()}
	if rec.MacOS == nil {
		bundle, err := vzlinux.FindBundle(rec.Bundle, rec.Arch, rec.Profile, agentproto.CapabilityInit)
		if err != nil {
			return nil, err
		}
		cfg.Boot.Kernel, cfg.Boot.Initramfs, cfg.Boot.HZ = bundle.Kernel(), bundle.Initramfs(), bundle.Version.HZ
		cfg.Boot.KernelSHA256, cfg.Boot.InitramfsSHA256 = bundle.Digests()
	}
	m.config = cfg
	if m.accelerator, err = h.Accelerator(ctx, cfg); err != nil {
		return nil, err
	}
	m.vm, err = vzcore.New(h.Driver, cfg, r.RunDir(rec.Name))
	return m, err
}

// start boots or restores the guest and returns when it can be used, or has begun to boot
// if nobody can tell.
func (m *machine) start(ctx context.Context, opts Options) error {
	if opts.Restore == "" {
		if err := m.vm.Start(ctx); err != nil || m.agentless {
			return err
		}
		if err := m.connect(ctx); err != nil {
			return err
		}
		return m.setUp(ctx, opts.Name)
	}
	if err := m.vm.Restore(ctx, opts.Restore); err != nil {
		return err
	}
	if err := m.vm.Resume(ctx); err != nil {
		return err
	}
	name := ""
	if opts.Renew {
		name = opts.Name
	}
	if err := m.goOn(ctx, name); err != nil {
		return err
	}
	return m.network(ctx, m.present(), "") // the card has the address of the one that was saved
}

// serve answers on the sockets until the machine has ended.
func (m *machine) serve(ctx context.Context, r vmrecord.Registry, name string, ready func()) error {
	control, err := net.Listen("unix", r.Control(name))
	if err != nil {
		return fmt.Errorf("listen for control: %w", err)
	}
	defer control.Close()
	agent, err := net.Listen("unix", r.Agent(name))
	if err != nil {
		return fmt.Errorf("listen for the agent: %w", err)
	}
	defer agent.Close()
	// Connections live as long as the machine, also while ctx has it shut down.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	go agentproto.Listen(life, control, hello, agentproto.HandlerFunc(m.handle))
	go agentproto.Forward(life, agent, m.dialAgent)
	ready()
	stop := context.AfterFunc(ctx, func() {
		if m.stop(ctx, false) != nil { // whoever ends this process ends the guest
			_ = m.stop(ctx, true)
		}
	})
	defer stop()
	return m.vm.Wait(life)
}

// handle does a request of the control socket.
func (m *machine) handle(ctx context.Context, method string, body json.RawMessage) (any, error) {
	switch method {
	case methodState:
		state, _ := m.vm.State()
		s := Status{State: string(state), Accelerator: m.accelerator}
		if agent := m.present(); agent != nil {
			select {
			case <-agent.Done():
			default:
				s.Agent = true
			}
		}
		return s, nil
	case methodStop:
		var req StopRequest
		if err := decode(body, &req); err != nil {
			return nil, err
		}
		return struct{}{}, m.stop(ctx, req.Force)
	case methodSave:
		var req SaveRequest
		if err := decode(body, &req); err != nil {
			return nil, err
		}
		return struct{}{}, m.save(ctx, req)
	case methodPause:
		return struct{}{}, m.vm.Pause(ctx)
	case methodResume:
		return struct{}{}, m.vm.Resume(ctx)
	case methodMemory:
		var req MemoryRequest
		if err := decode(body, &req); err != nil {
			return nil, err
		}
		return struct{}{}, m.vm.SetMemory(ctx, req.Bytes)
	}
	return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "the request %q is not known", method)
}
