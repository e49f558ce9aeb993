//go:build !linux

package vm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	osexec "os/exec"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/vmrecord"
	"vz.internal/vzlinux"
)

// check looks at the Mac, asks vz-vmm, which alone links the hypervisor, and looks for a
// bundle.
func check(ctx context.Context, arch string, r vmrecord.Registry) []command.CheckResult {
	program, err := companion("vz-vmm")
	if err != nil {
		return []command.CheckResult{{
			Name: "driver", Status: "failed", Detail: command.OneLine(err.Error()), Remedy: "build and sign it on a Mac: docs/macos.md",
		}}
	}
	all := findings(hostRun().Validate(ctx, r.Home, []string{program}))
	out, err := osexec.CommandContext(ctx, program, "-check").Output()
	told := len(all)
	for lines := json.NewDecoder(bytes.NewReader(out)); ; {
		var one command.CheckResult
		if lines.Decode(&one) != nil {
			break
		}
		all = append(all, one)
	}
	if err != nil || len(all) == told {
		return append(all, command.CheckResult{Name: "driver", Status: "failed", Detail: fmt.Sprintf("%s -check: %v", program, err)})
	}
	bundle, err := vzlinux.FindBundle("", arch, "container")
	if err != nil {
		return append(all, command.CheckResult{Name: "bundle", Status: "failed", Detail: command.OneLine(err.Error())})
	}
	return append(all, command.CheckResult{
		Name: "bundle", Status: "ok", Detail: fmt.Sprintf("kernel %s, agent %s, in %s", bundle.Version.Kernel, bundle.Version.Agent, bundle.Dir),
	})
}
