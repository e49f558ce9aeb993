package vm

import (
	"context"
	"fmt"
	"os"
	osexec "os/exec"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcli/internal/vmm"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/qemu"
	"vz.internal/vzlinux"
	"vz.internal/vzoci/vmbackend/warm"
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
	results := append(check(env.Ctx, arch, r.Run), checkWarm(r.Home))
	if format := env.Listing("", false).Format; format != "" {
		return output.Documents(env.Stdout, format, results)
	}
	for _, r := range results {
		fmt.Fprintf(env.Stdout, "%-7s  %-7s  %s\n", r.Name, r.Status, r.Detail)
		if r.Remedy != "" {
			fmt.Fprintf(env.Stdout, "%-7s  %-7s  → %s\n", "", "", r.Remedy)
		}
	}
	for _, r := range results {
		if r.Status == "failed" {
			return command.Exit(command.CodeFailure)
		}
	}
	return nil
}

// check looks at what virtual machines need of this host. Without the first two none
// runs.
func check(ctx context.Context, arch, runDir string) []command.CheckResult {
	driver, err := qemu.New(qemu.Options{Arch: arch, RunDir: runDir})
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

// checkWarm says which snapshots machines of containers start from.
func checkWarm(home string) command.CheckResult {
	result := command.CheckResult{Name: "warm", Status: "ok"}
	all, err := warm.At(home).List()
	if err != nil {
		result.Status, result.Detail, result.Remedy = "warning", command.OneLine(err.Error()), "vz vm warm --remove"
		return result
	}
	total := int64(0)
	for _, one := range all {
		total += one.Size
	}
	result.Detail = fmt.Sprintf("%d snapshots that machines of containers start from, %s", len(all), output.Size(total))
	switch {
	case os.Getenv(vmm.WarmVariable) == "off":
		result.Detail += "; not used: VZ_WARM is off"
	case len(all) == 0:
		result.Detail = "no snapshots: machines of containers boot; the first boot has one made"
	}
	return result
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
