package vzcontract

import (
	"context"
	"sync"
)

// NoSharedVM is the [SharedVM] of a backend whose containers need no common
// machine: it only remembers the phases. The zero value is ready; it is safe
// for concurrent use and must not be copied.
type NoSharedVM struct {
	mu    sync.Mutex
	ready map[string]bool // guarded by mu
}

var _ SharedVM = (*NoSharedVM)(nil)

// BootSharedVM implements SharedVM.
func (v *NoSharedVM) BootSharedVM(ctx context.Context, name string, _ Resources) error {
	return v.set(ctx, name, true)
}

// ShutdownSharedVM implements SharedVM.
func (v *NoSharedVM) ShutdownSharedVM(ctx context.Context, name string) error {
	return v.set(ctx, name, false)
}

func (v *NoSharedVM) set(ctx context.Context, name string, ready bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ready == nil {
		v.ready = map[string]bool{}
	}
	v.ready[name] = ready
	return nil
}

// SharedVMPhase implements SharedVM.
func (v *NoSharedVM) SharedVMPhase(_ context.Context, name string) (SharedVMPhase, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ready[name] {
		return PhaseReady, nil
	}
	return PhaseShutdown, nil
}
