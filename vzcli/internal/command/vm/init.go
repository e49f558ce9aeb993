package vm

import (
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/vmrecord"
	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/macos"
	"vz.internal/vzcore/qemu"
)

type initCmd struct {
	Name          string   `arg:"" help:"Name of the virtual machine."`
	Linux         bool     `help:"Make a Linux guest. Without it macOS is installed, which needs a Mac."`
	CPUs          int      `name:"cpus" default:"2" help:"Number of processors."`
	Memory        string   `short:"m" default:"4g" help:"Memory, such as 512m or 4g."`
	Network       string   `default:"user" help:"user or none."`
	Mount         []string `sep:"none" placeholder:"TAG:PATH[:ro]" help:"Give the guest a directory, at /mnt/TAG; on macOS at /Volumes/My Shared Files/TAG."`
	Publish       []string `short:"p" sep:"none" placeholder:"[IP:]PORT:PORT[/udp]" help:"Publish a port of the guest."`
	Disk          []string `sep:"none" placeholder:"ID:PATH[:ro]" help:"Give the guest a raw disk image, besides that of macOS."`
	Arch          string   `placeholder:"ARCH" help:"Linux: x86_64 or arm64; the host's by default."`
	Accelerator   string   `name:"accel" placeholder:"ACCEL" help:"Linux: kvm or tcg; the best that works by default."`
	Bundle        string   `type:"path" placeholder:"DIR" help:"Linux: directory of the guest bundle; found by default."`
	Profile       string   `default:"container" help:"Linux: profile of the kernel, container or developer."`
	IPSW          string   `name:"ipsw" type:"path" placeholder:"FILE" help:"macOS: restore image to install, in place of a base."`
	Base          string   `placeholder:"NAME" help:"macOS: id or channel of a base (vz vm base list), or latest, which asks Apple; stable by default."`
	Bases         string   `type:"path" placeholder:"FILE" help:"macOS: descriptor file of bases, in place of those that vz knows."`
	AllowUnpinned bool     `help:"macOS: take a restore image of which nobody says what its bytes must be. Where CI is set, VZ_ALLOW_UNPINNED_IN_CI=1 is needed too."`
	DiskSize      string   `default:"64g" help:"macOS: size of the disk, a sparse file."`
}

// Run implements command.Verb.
func (c *initCmd) Run(env *command.Env) error {
	r, err := registry(env)
	if err != nil {
		return err
	}
	if err := c.fits(); err != nil {
		return err
	}
	if !c.Linux {
		f, err := framework(env.Ctx, r, "make the macOS guest "+c.Name)
		if err != nil {
			return err
		}
		return c.install(env, r, f, macos.Spec{})
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

// fits refuses flags of the other kind of guest.
func (c *initCmd) fits() error {
	linux := map[string]bool{"--arch": c.Arch != "", "--accel": c.Accelerator != "", "--bundle": c.Bundle != "", "--profile": c.Profile != "container"}
	mac := map[string]bool{
		"--ipsw": c.IPSW != "", "--base": c.Base != "", "--bases": c.Bases != "", "--allow-unpinned": c.AllowUnpinned, "--disk-size": c.DiskSize != "64g",
	}
	wrong, why := linux, "is for Linux guests: give --linux too"
	if c.Linux {
		wrong, why = mac, "is for macOS guests: leave out --linux"
	}
	for _, flag := range slices.Sorted(maps.Keys(wrong)) {
		if wrong[flag] {
			return command.Usagef("%s %s", flag, why)
		}
	}
	if c.IPSW != "" && (c.Base != "" || c.Bases != "" || c.AllowUnpinned) {
		return command.Usagef("--ipsw takes the place of a base: leave out --base, --bases and --allow-unpinned")
	}
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
	if !c.Linux && len(cfg.Shares) > 0 {
		cfg.Shares = []config.Share{automount(cfg.Shares)}
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
