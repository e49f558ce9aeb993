package main

import (
	"context"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcore/vzf"
)

// hostChecks tell of macOS and of the processor; `vz vm validate` has the others.
func hostChecks(ctx context.Context) []command.CheckResult {
	all := []command.CheckResult{hypervisorCheck(ctx)}
	d, err := vzf.New()
	if err != nil {
		return all
	}
	if err := d.Nested(); err != nil {
		return append(all, command.CheckResult{Name: "nested", Status: "missing", Detail: command.OneLine(err.Error())})
	}
	return append(all, command.CheckResult{Name: "nested", Status: "ok", Detail: "guests can run guests"})
}
