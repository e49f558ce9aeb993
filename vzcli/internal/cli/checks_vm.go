package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"time"

	"vz.internal/vzcli/internal/command"
)

// vmCheckTime bounds what vz-vm may take: it may boot a guest to see whether KVM works.
const vmCheckTime = 30 * time.Second

// vmChecks asks vz-vm what this host can do: it links the hypervisor's driver, vz does
// not. That machines cannot run fails nothing but their own backend.
func vmChecks(ctx context.Context, g command.Globals, home, run string) []command.CheckResult {
	path, ok := command.Companion("vz-vm")
	if !ok {
		return []command.CheckResult{{Name: "vm", Status: "missing", Detail: "vz-vm is not beside vz or in $VZ_LIBEXEC", Remedy: "make build"}}
	}
	ctx, cancel := context.WithTimeout(ctx, vmCheckTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--home="+home, "--run="+run, "--json", "validate")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var all []command.CheckResult
	for lines := json.NewDecoder(bytes.NewReader(out)); ; {
		var one command.CheckResult
		if lines.Decode(&one) != nil {
			break
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		detail := "vz vm validate told nothing"
		if err != nil {
			detail = "vz vm validate: " + command.OneLine(err.Error()+": "+stderr.String())
		}
		return []command.CheckResult{{Name: "vm", Status: "failed", Detail: detail}}
	}
	for i := range all {
		all[i].Name = "vm " + all[i].Name
		if all[i].Status == "failed" && g.Backend != "vm" {
			all[i].Status = "missing"
		}
	}
	return all
}
