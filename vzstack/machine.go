package vzstack

import (
	"context"
	"fmt"
	"slices"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// needsMachine tells whether a step needs the shared machine of the project.
func (r *runner) needsMachine(s plan.Step) bool {
	if r.want == nil || r.want.SharedVM == nil {
		return false
	}
	switch s.Kind {
	case plan.CreateNetwork, plan.Create, plan.Start:
		return true
	}
	return false
}

// bootMachine boots the project's shared machine if a step needs it, while images are
// pulled. The steps wait for it with machineReady, and so does the caller at the end.
func (r *runner) bootMachine(ctx context.Context) {
	if !slices.ContainsFunc(r.plan.Steps, r.needsMachine) {
		return
	}
	r.booted = make(chan struct{})
	go func() {
		defer close(r.booted)
		r.bootError = r.boot(ctx, r.want)
	}()
}

// boot boots the project's shared machine, if it has one.
func (s *Stack) boot(ctx context.Context, d *plan.Desired) error {
	if d.SharedVM == nil {
		return nil
	}
	vm, ok := s.cfg.Backend.(vzcontract.SharedVM)
	if !ok {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "x-vz.vm: backend %s has no shared machines", s.cfg.Backend.BackendName())
	}
	s.tell("Machine", d.SharedVM.Name, "Booting")
	if err := vm.BootSharedVM(ctx, d.SharedVM.Name, d.MachineLimits()); err != nil {
		return fmt.Errorf("x-vz.vm: %w", err)
	}
	s.tell("Machine", d.SharedVM.Name, "Ready")
	return nil
}

// machineReady waits until the shared machine has booted, if one was to.
func (r *runner) machineReady() error {
	if r.booted == nil {
		return nil
	}
	<-r.booted
	return r.bootError
}

// shutdownMachine ends and removes the shared machine of a project, if it has one.
func (s *Stack) shutdownMachine(ctx context.Context, project string) error {
	vm, ok := s.cfg.Backend.(vzcontract.SharedVM)
	if !ok || !s.cfg.Backend.Capabilities().Has(vzcontract.FeatureSharedVM) {
		return nil
	}
	phase, err := vm.SharedVMPhase(ctx, project)
	if err != nil {
		return err
	}
	runs := phase != vzcontract.PhaseShutdown
	if runs {
		s.tell("Machine", project, "Stopping")
	}
	if err := vm.ShutdownSharedVM(ctx, project); err != nil {
		return err
	}
	if runs {
		s.tell("Machine", project, "Removed")
	}
	return nil
}
