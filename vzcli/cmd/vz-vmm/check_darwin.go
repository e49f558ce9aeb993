package main

import (
	"context"
	"os"
	"os/exec"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcore/vzf"
)

// hostChecks tell of macOS, of the signature of this program and of the processor.
func hostChecks(ctx context.Context) []command.CheckResult {
	all := []command.CheckResult{hypervisorCheck(ctx), signature(ctx)}
	d, err := vzf.New()
	if err != nil {
		return all
	}
	if err := d.Nested(); err != nil {
		return append(all, command.CheckResult{Name: "nested", Status: "missing", Detail: command.OneLine(err.Error())})
	}
	return append(all, command.CheckResult{Name: "nested", Status: "ok", Detail: "guests can run guests"})
}

// signature asks codesign what this program may do.
func signature(ctx context.Context) command.CheckResult {
	self, err := os.Executable()
	if err != nil {
		return command.CheckResult{Name: "signed", Status: "failed", Detail: err.Error()}
	}
	out, err := exec.CommandContext(ctx, "codesign", "--display", "--entitlements", "-", "--xml", self).Output()
	return signed(self, out, err)
}
