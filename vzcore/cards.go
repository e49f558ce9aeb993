package vzcore

import (
	"context"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
)

// SetCards says who has the cables of a machine of config.NetworkCards. It is called
// before the machine starts.
func (vm *VM) SetCards(open CardFunc) error {
	carder, ok := vm.machine.(Carder)
	if !ok {
		return vm.unsupported("cards with cables of the caller's")
	}
	carder.SetCards(open)
	return nil
}

// PlugCard gives a running guest card n, from config.Network.Cards on.
func (vm *VM) PlugCard(ctx context.Context, n int) error {
	if n < 0 || n >= config.MaxCards {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "a machine has at most %d network cards", config.MaxCards)
	}
	return vm.running(ctx, "plug a network card", func() error {
		carder, ok := vm.machine.(Carder)
		if !ok {
			return vm.unsupported("cards with cables of the caller's")
		}
		return carder.PlugCard(ctx, n)
	})
}
