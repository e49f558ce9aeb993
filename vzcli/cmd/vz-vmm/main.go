// Command vz-vmm runs one virtual machine: of vz vm, by its name, or that of a
// container, by its id. Vz starts it, and it owns the machine from its start to its
// end. With -warm it makes the snapshot that machines of containers start from, with
// -check it prints what this host has for machines, as lines of JSON, with -framework it
// does one call of Virtualization.framework for who installs macOS. A line on descriptor 3 says when the guest can be used, or why it can not: "ok" or an
// error, which in the case of a container begins with its code.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"vz.internal/vzcli/internal/vmm"
	"vz.internal/vzcontract"
	"vz.internal/vzcore/macos"
	"vz.internal/vzcore/vzf"
)

func main() {
	var opts vmm.Options
	flag.StringVar(&opts.Registry.Home, "home", "", "state `directory`")
	flag.StringVar(&opts.Registry.Run, "run", "", "runtime `directory`")
	flag.StringVar(&opts.Restore, "restore", "", "`directory` of a saved state to start from")
	flag.BoolVar(&opts.Renew, "renew", false, "with -restore: become another machine than the one that was saved")
	var spec vmm.WarmSpec
	warm := flag.Bool("warm", false, "make a snapshot for machines of containers with the following, if there is none")
	flag.IntVar(&spec.CPUs, "cpus", 0, "with -warm: `number` of processors")
	flag.Uint64Var(&spec.Memory, "memory", 0, "with -warm: memory in `bytes`")
	flag.Int64Var(&spec.Disk, "disk", 0, "with -warm: size of the disk in `bytes`, 0 for that of containers without a limit")
	flag.BoolVar(&spec.Network, "network", false, "with -warm: the machines have a network of their own")
	flag.IntVar(&spec.Cards, "cards", 0, "with -warm: `number` of cards on the host's networks")
	flag.BoolVar(&spec.Used, "used", false, "with -warm: the machines' containers have run before")
	flag.StringVar(&spec.Bundle, "bundle", "", "with -warm: `directory` of the guest bundle")
	checks := flag.Bool("check", false, "print what this host has for virtual machines, as lines of JSON")
	framework := flag.Bool("framework", false, "do the call of Virtualization.framework that stdin names, in JSON")
	container := flag.Bool("container", false, "NAME is the id of a container's machine")
	flag.Parse()
	if *checks {
		if err := printChecks(os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "vz-vmm:", err)
			os.Exit(1)
		}
		return
	}
	names := 1
	if *warm || *framework {
		names = 0
	}
	if flag.NArg() != names || opts.Registry.Home == "" || opts.Registry.Run == "" {
		fmt.Fprintln(os.Stderr, "usage: vz-vmm -home DIR -run DIR {[-container | -restore DIR [-renew]] NAME | -warm -cpus N -memory BYTES [-disk BYTES] [-network | -cards N] [-used] [-bundle DIR] | -framework} | vz-vmm -check")
		os.Exit(2)
	}
	opts.Name = flag.Arg(0)
	opts.Open = func(arch, accelerator string) (vmm.Hypervisor, error) {
		return hypervisor(arch, accelerator, opts.Registry.Run)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if *warm {
		if err := vmm.Warm(ctx, opts, spec); err != nil {
			fmt.Fprintln(os.Stderr, "vz-vmm: make a warm snapshot:", err)
			os.Exit(1)
		}
		return
	}
	if *framework {
		open := func() (macos.Framework, error) { return vzf.New() }
		if err := vmm.ServeFramework(ctx, open, opts.Registry.MacSlots(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "vz-vmm:", err)
			os.Exit(1)
		}
		return
	}
	told := false
	tell := func(line string) {
		if !told {
			told = true
			f := os.NewFile(3, "ready")
			_, _ = fmt.Fprintln(f, line) // nobody may listen
			_ = f.Close()
		}
	}
	opts.Ready = func() { tell("ok") }
	run, prefix := vmm.Run, ""
	if *container {
		run = vmm.RunContainer
	}
	if err := run(ctx, opts); err != nil {
		if *container {
			prefix = string(vzcontract.CodeOf(err)) + " "
		}
		tell(prefix + strings.ReplaceAll(err.Error(), "\n", "; "))
		fmt.Fprintln(os.Stderr, "vz-vmm:", err)
		os.Exit(1)
	}
}
