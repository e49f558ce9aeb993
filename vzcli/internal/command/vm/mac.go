package vm

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	osexec "os/exec"
	"runtime"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/vmm"
	"vz.internal/vzcli/internal/vmrecord"
	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/macos"
)

// framework returns Virtualization.framework, by vz-vmm, or says why what it is needed for
// cannot be done.
func framework(ctx context.Context, r vmrecord.Registry, what string) (macos.Framework, error) {
	run := hostRun()
	if run == nil {
		return nil, macos.Absent(what)
	}
	program, err := companion("vz-vmm")
	if err != nil {
		return nil, err
	}
	if err := suits(what, run.Validate(ctx, r.Home, []string{program})); err != nil {
		return nil, err
	}
	return vmm.Framework{Program: program, Args: []string{"-home", r.Home, "-run", r.Run, "-framework"}}, nil
}

// suits refuses a Mac that cannot run guests, before anything is downloaded for them. Room
// is looked at when it is known how much is needed.
func suits(what string, all []macos.Finding) error {
	for _, f := range all {
		if !f.OK && f.Name != "room" {
			return vzcontract.Errorf(vzcontract.ErrUnsupported, "%s: %s; %s", what, f.Detail, cmp.Or(f.Remedy, "vz vm validate tells more"))
		}
	}
	return nil
}

// onMac refuses to run a macOS guest elsewhere.
func onMac(rec vmrecord.Record) error {
	if rec.MacOS == nil || runtime.GOOS == "darwin" {
		return nil
	}
	return macos.Absent("run the macOS guest " + rec.Name)
}

// agentless tells whether a machine is a macOS guest that was not provisioned.
func agentless(r vmrecord.Registry, name string) bool {
	rec, err := r.Open(name)
	return err == nil && rec.MacOS != nil && !macos.Files{Dir: r.Dir(name)}.Provisioned()
}

// hostRun runs programs of macOS; elsewhere it is nil.
func hostRun() macos.Run {
	if runtime.GOOS != "darwin" {
		return nil
	}
	return func(ctx context.Context, program string, args ...string) ([]byte, error) {
		cmd := osexec.CommandContext(ctx, program, args...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			err = fmt.Errorf("%s: %w: %s", program, err, command.OneLine(stderr.String()))
		}
		return out, err
	}
}

// findings are what was found of a Mac, as checks. Without room only macOS guests do not
// run.
func findings(all []macos.Finding) []command.CheckResult {
	var results []command.CheckResult
	for _, f := range all {
		r := command.CheckResult{Name: f.Name, Status: "ok", Detail: command.OneLine(f.Detail), Remedy: f.Remedy}
		switch {
		case f.OK:
		case f.Name == "room":
			r.Status = "warning"
		default:
			r.Status = "failed"
		}
		results = append(results, r)
	}
	return results
}

// automount is one share of all, by the tag that macOS mounts itself, below /Volumes/My
// Shared Files (VZVirtioFileSystemDeviceConfiguration.macOSGuestAutomountTag).
func automount(shares []config.Share) config.Share {
	one := config.Share{Tag: "com.apple.virtio-fs.automount"}
	for _, s := range shares {
		one.Entries = append(one.Entries, config.Entry{Name: s.Tag, Source: s.Source, ReadOnly: s.ReadOnly})
	}
	return one
}

type selfSign struct{}

// Run implements command.Verb. A signature ad hoc is for this Mac alone.
func (c *selfSign) Run(env *command.Env) error {
	run, program := hostRun(), "vz-vmm"
	if run != nil {
		var err error
		if program, err = companion(program); err != nil {
			return err
		}
	}
	entitlements, err := macos.Entitlements(false)
	if err != nil {
		return err
	}
	if err := run.Sign(env.Ctx, "-", entitlements, []string{program}); err != nil {
		return err
	}
	return command.PrintLine(env, program)
}
