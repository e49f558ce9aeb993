//go:build !darwin

package main

import (
	"context"

	"vz.internal/vzcli/internal/command"
)

// hostChecks are those of the hypervisor; `vz vm validate` has the others.
func hostChecks(ctx context.Context) []command.CheckResult {
	return []command.CheckResult{hypervisorCheck(ctx)}
}
