package vm

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/vmrecord"
	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/qemu"
)

type initCmd struct {
	Name        string   `arg:"" help:"Name of the virtual machine."`
	Linux       bool     `help:"A Linux guest, which is the only kind there is on Linux."`
	CPUs        int      `name:"cpus" default:"2" help:"Number of processors."`
	Memory      string   `short:"m" default:"4g" help:"Memory, such as 512m or 4g."`
	Arch        string   `placeholder:"ARCH" help:"x86_64 or arm64; the host's by default."`
	Accelerator string   `name:"accel" placeholder:"ACCEL" help:"kvm or tcg; the best that works by default."`
	Bundle      string   `type:"path" placeholder:"DIR" help:"Directory of the guest bundle; found by default."`
	Profile     string   `default:"container" help:"Profile of the kernel: container or developer."`
	Network     string   `default:"user" help:"user or none."`
	Mount       []string `sep:"none" placeholder:"TAG:PATH[:ro]" help:"Give the guest a directory, at /mnt/TAG."`
	Publish     []string `short:"p" sep:"none" placeholder:"[IP:]PORT:PORT[/udp]" help:"Publish a port of the guest."`
	Disk        []string `sep:"none" placeholder:"ID:PATH[:ro]" help:"Give the guest a raw disk image."`
}

// Run implements command.Verb.
func (c *initCmd) Run(env *command.Env) error {
	r, err := registry(env)
	if err != nil {
		return err
	}
	cfg, err := c.config()
	if err != nil {
		return err
	}
	rec := vmrecord.Record{
		Name: c.Name, Created: time.Now().UTC(), Arch: c.Arch, Accelerator: c.Accelerator, Bundle: c.Bundle, Profile: c.Profile, Config: cfg,
	}
	if rec.Arch == "" {
		rec.Arch = qemu.HostArch()
	}
	// What cannot be run is refused now, not at the first start.
	if err := vmrecord.CheckName(c.Name); err != nil {
		return err
	}
	check := cfg.Clone()
	check.Boot.Kernel = "/kernel"
	if err := check.Validate(); err != nil {
		return err
	}
	if err := r.Create(rec); err != nil {
		return err
	}
	fmt.Fprintln(env.Stdout, c.Name)
	return nil
}

func (c *initCmd) config() (config.Config, error) {
	cfg := config.Default()
	memory, err := units.RAMInBytes(c.Memory)
	if err != nil || memory <= 0 {
		return cfg, command.Usagef("--memory %s: want a size such as 512m", c.Memory)
	}
	cfg.CPUs, cfg.Memory = c.CPUs, uint64(memory)
	cfg.Network.Kind = c.Network
	if c.Network == config.NetworkUser {
		cfg.Network.MAC = config.RandomMAC()
	}
	for _, text := range c.Mount {
		tag, path, readOnly, err := place(text)
		if err != nil {
			return cfg, fmt.Errorf("--mount %s: %w", text, err)
		}
		cfg.Shares = append(cfg.Shares, config.Share{Tag: tag, Source: path, ReadOnly: readOnly})
	}
	for _, text := range c.Disk {
		id, path, readOnly, err := place(text)
		if err != nil {
			return cfg, fmt.Errorf("--disk %s: %w", text, err)
		}
		cfg.Disks = append(cfg.Disks, config.Disk{ID: id, Path: path, ReadOnly: readOnly})
	}
	for _, text := range c.Publish {
		port, err := parsePort(text)
		if err != nil {
			return cfg, err
		}
		cfg.Network.User.Ports = append(cfg.Network.User.Ports, port)
	}
	if len(c.Publish) > 0 && c.Network != config.NetworkUser {
		return cfg, vzcontract.Errorf(vzcontract.ErrValidation, "--publish needs --network user")
	}
	return cfg, nil
}

// place parses "NAME:PATH[:ro]".
func place(text string) (name, path string, readOnly bool, err error) {
	name, path, ok := strings.Cut(text, ":")
	if rest, found := strings.CutSuffix(path, ":ro"); found {
		path, readOnly = rest, true
	}
	if !ok || name == "" || path == "" {
		return "", "", false, command.Usagef("want NAME:PATH or NAME:PATH:ro")
	}
	path, err = filepath.Abs(path)
	return name, path, readOnly, err
}

// parsePort parses "[IP:]HOST:GUEST[/PROTOCOL]". The host's address is the
// loopback's unless given.
func parsePort(text string) (config.Port, error) {
	bad := command.Usagef("--publish %s: want [IP:]PORT:PORT[/tcp|udp]", text)
	rest, protocol, _ := strings.Cut(text, "/")
	i := strings.LastIndex(rest, ":")
	if i < 0 {
		return config.Port{}, bad
	}
	guest, err := strconv.ParseUint(rest[i+1:], 10, 16)
	if err != nil || guest == 0 {
		return config.Port{}, bad
	}
	host := rest[:i]
	if !strings.Contains(host, ":") {
		host = "127.0.0.1:" + host
	}
	address, err := netip.ParseAddrPort(host)
	if err != nil || protocol != "" && protocol != "tcp" && protocol != "udp" {
		return config.Port{}, bad
	}
	return config.Port{Protocol: protocol, Host: address, Guest: uint16(guest)}, nil
}
