package vm

import (
	"fmt"
	"os"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcli/internal/vmm"
	"vz.internal/vzcore/qemu"
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
	results := append(check(env.Ctx, arch, r), checkWarm(r.Home))
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
