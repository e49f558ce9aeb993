package main

import (
	"fmt"
	"os"
	"slices"
	"time"
)

// machineCases are those of virtual machines, which vz alone has.
var machineCases = []benchCase{
	{name: "vm-run", title: "Start of `true` to its exit in a virtual machine that boots for it", command: func(t tool, name string) []string { return t.run(name, "none") }},
	{name: machineWarm, title: "Start of `true` to its exit in a virtual machine that starts from a warm snapshot", command: func(t tool, name string) []string { return t.run(name, "none") }},
	{name: "vm-exec", title: "`true` in a running container of a virtual machine", command: func(t tool, _ string) []string { return t.exec("bench") }, running: true},
}

// The cases with machines of their own.
const (
	machineBoot    = "vm-boot"
	machineRestore = "vm-restore"
	machineWarm    = "vm-warm"
)

// machineNames are all cases of virtual machines.
var machineNames = []string{machineBoot, machineRestore, "vm-run", machineWarm, "vm-exec"}

// machines measures them: the boot of a machine to its agent, and containers in
// machines of their own. A host without QEMU or a kernel for guests is left out, with
// the reason on stderr.
func (b *bench) machines(vz string, wanted func(string) bool, rounds int) ([]result, error) {
	vm := &docker{program: vz, label: "vz", bench: b, env: []string{"VZ_HOME=" + b.dir + "/vm/home", "VZ_RUN=" + b.run() + "/vm", "VZ_BACKEND=vm", "VZ_WARM=off"}}
	if err := quiet(vm.command("vm", "validate")...); err != nil {
		fmt.Fprintf(os.Stderr, "without virtual machines: %v\n", err)
		return nil, nil
	}
	rounds = max(rounds/4, 3)
	var all []result
	if wanted(machineBoot) {
		one, err := startMachine(vm, machineBoot, rounds)
		if err != nil {
			return nil, fmt.Errorf("case %s: %w", machineBoot, err)
		}
		print(benchCase{title: "Boot of a virtual machine to its agent"}, []result{one})
		all = append(all, one)
	}
	if wanted(machineRestore) {
		one, err := startMachine(vm, machineRestore, rounds)
		if err != nil {
			return nil, fmt.Errorf("case %s: %w", machineRestore, err)
		}
		print(benchCase{title: "Restore of a saved virtual machine to its agent"}, []result{one})
		all = append(all, one)
	}
	var some []benchCase
	for _, c := range machineCases {
		if wanted(c.name) {
			some = append(some, c)
		}
	}
	if len(some) == 0 {
		return all, nil
	}
	if err := vm.prepare(); err != nil {
		return nil, err
	}
	warm := *vm
	warm.env = append(slices.Clone(vm.env), "VZ_WARM=on")
	for _, c := range some {
		alone := &bench{dir: b.dir, root: b.root, tools: []tool{vm}}
		if c.name == machineWarm {
			if err := quiet(warm.command("vm", "warm", "--network", "none")...); err != nil {
				return nil, fmt.Errorf("case %s: %w", c.name, err)
			}
			alone.tools[0] = &warm
		}
		results, err := alone.measure(c, rounds)
		if err != nil {
			return nil, fmt.Errorf("case %s: %w", c.name, err)
		}
		print(c, results)
		all = append(all, results...)
	}
	return all, nil
}

// startMachine starts a machine again and again, the first time for warmth only: it
// boots, or goes on from where it was saved.
func startMachine(vm *docker, name string, rounds int) (result, error) {
	var r result
	if err := quiet(vm.command("vm", "init", "--linux", "--memory", "512m", "--network", "none", "bench")...); err != nil {
		return r, err
	}
	start := []string{"vm", "run", "--detach", "bench"}
	if name == machineRestore {
		for _, step := range [][]string{start, {"vm", "save", "--stop", "bench"}} {
			if err := quiet(vm.command(step...)...); err != nil {
				return r, err
			}
		}
		start[1] = "restore"
	}
	for round := range rounds + 1 {
		began := time.Now()
		if err := quiet(vm.command(start...)...); err != nil {
			return r, err
		}
		if round > 0 {
			r.took = append(r.took, time.Since(began))
		}
		if err := quiet(vm.command("vm", "stop", "--force", "bench")...); err != nil {
			return r, err
		}
	}
	r.summarize(name, vm.name())
	return r, quiet(vm.command("vm", "rm", "bench")...)
}
