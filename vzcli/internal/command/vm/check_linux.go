package vm

import (
	"context"
	"fmt"
	osexec "os/exec"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/vmrecord"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/qemu"
	"vz.internal/vzlinux"
)

// check looks at what virtual machines need of this host. Without the first two none
// runs.
func check(ctx context.Context, arch string, r vmrecord.Registry) []command.CheckResult {
	driver, err := qemu.New(qemu.Options{Arch: arch, RunDir: r.Run})
	if err != nil {
		return []command.CheckResult{{Name: "qemu", Status: "failed", Detail: command.OneLine(err.Error())}}
	}
	version, err := driver.Version(ctx)
	if err != nil {
		return []command.CheckResult{{Name: "qemu", Status: "failed", Detail: command.OneLine(err.Error())}}
	}
	all := []command.CheckResult{{Name: "qemu", Status: "ok", Detail: version}}
	bundle, err := vzlinux.FindBundle("", arch, "container")
	if err != nil {
		return append(all, command.CheckResult{Name: "bundle", Status: "failed", Detail: command.OneLine(err.Error())})
	}
	all = append(all, command.CheckResult{
		Name: "bundle", Status: "ok", Detail: fmt.Sprintf("kernel %s, agent %s, in %s", bundle.Version.Kernel, bundle.Version.Agent, bundle.Dir),
	})
	return append(all, checkKVM(ctx, driver, bundle), checkShares(), checkDisks())
}

func checkKVM(ctx context.Context, driver *qemu.Driver, bundle *vzlinux.Bundle) command.CheckResult {
	cfg := config.Default()
	cfg.Boot.Kernel = bundle.Kernel()
	works, reason, err := driver.Probe(ctx, cfg)
	switch {
	case err != nil:
		return command.CheckResult{Name: "kvm", Status: "failed", Detail: command.OneLine(err.Error())}
	case works:
		return command.CheckResult{Name: "kvm", Status: "ok", Detail: "a guest was seen to run with it"}
	}
	return command.CheckResult{Name: "kvm", Status: "missing", Detail: "guests run by translation (tcg), slower: " + command.OneLine(reason)}
}

func checkShares() command.CheckResult {
	path, err := qemu.Virtiofsd()
	if err != nil {
		return command.CheckResult{Name: "shares", Status: "missing", Detail: command.OneLine(err.Error())}
	}
	return command.CheckResult{Name: "shares", Status: "ok", Detail: path}
}

// checkDisks looks for what makes the disks of containers.
func checkDisks() command.CheckResult {
	for _, name := range []string{"mke2fs", "/usr/sbin/mke2fs", "/sbin/mke2fs"} {
		if path, err := osexec.LookPath(name); err == nil {
			return command.CheckResult{Name: "disks", Status: "ok", Detail: path}
		}
	}
	return command.CheckResult{
		Name: "disks", Status: "missing", Detail: "mke2fs, for containers in virtual machines", Remedy: "Debian: apt-get install e2fsprogs",
	}
}
