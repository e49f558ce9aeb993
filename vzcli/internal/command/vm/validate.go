package vm

import (
	"fmt"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/qemu"
	"vz.internal/vzlinux"
)

type validate struct {
	Arch string `placeholder:"ARCH" help:"x86_64 or arm64; the host's by default."`
}

// Run implements command.Verb.
func (c *validate) Run(env *command.Env) error {
	r, err := registry(env)
	if err != nil {
		return err
	}
	arch := c.Arch
	if arch == "" {
		arch = qemu.HostArch()
	}
	driver, err := qemu.New(qemu.Options{Arch: arch, RunDir: r.Run})
	if err != nil {
		return err
	}
	version, err := driver.Version(env.Ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "qemu    ok       %s\n", version)
	bundle, err := vzlinux.FindBundle("", arch, "container")
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "bundle  ok       kernel %s, agent %s, in %s\n", bundle.Version.Kernel, bundle.Version.Agent, bundle.Dir)
	cfg := config.Default()
	cfg.Boot.Kernel = bundle.Kernel()
	works, reason, err := driver.Probe(env.Ctx, cfg)
	if err != nil {
		return err
	}
	if works {
		fmt.Fprintf(env.Stdout, "kvm     ok       a guest was seen to run with it\n")
	} else {
		fmt.Fprintf(env.Stdout, "kvm     missing  guests run by translation (tcg), slower: %s\n", command.OneLine(reason))
	}
	if path, err := qemu.Virtiofsd(); err == nil {
		fmt.Fprintf(env.Stdout, "shares  ok       %s\n", path)
	} else {
		fmt.Fprintf(env.Stdout, "shares  missing  %v\n", err)
	}
	return nil
}
