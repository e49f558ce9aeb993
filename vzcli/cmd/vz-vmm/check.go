package main

import (
	"context"
	"encoding/json"
	"io"

	"vz.internal/vzcli/internal/command"
)

// printChecks says what this host has for virtual machines.
func printChecks(w io.Writer) error {
	out := json.NewEncoder(w)
	for _, r := range hostChecks(context.Background()) {
		if err := out.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// hypervisorCheck tells of the hypervisor itself.
func hypervisorCheck(ctx context.Context) command.CheckResult {
	failed := func(err error) command.CheckResult {
		return command.CheckResult{Name: "driver", Status: "failed", Detail: command.OneLine(err.Error())}
	}
	h, err := hypervisor("", "", "")
	if err != nil {
		return failed(err)
	}
	version, err := h.Driver.Version(ctx)
	if err != nil {
		return failed(err)
	}
	return command.CheckResult{Name: "driver", Status: "ok", Detail: version + ", guests of " + h.Arch}
}
