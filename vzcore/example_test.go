package vzcore_test

import (
	"context"
	"fmt"
	"os"

	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/fake"
)

// A machine is driven the same way whatever hypervisor its driver knows; this one
// has a machine in memory, qemu.Driver a real one.
func Example() {
	dir, err := os.MkdirTemp("", "machine")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	cfg := config.Default()
	cfg.Boot.Kernel = "/boot/vmlinux"
	vm, err := vzcore.New(new(fake.Driver), cfg, dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vm.Close()

	ctx := context.Background()
	if err := vm.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	state, _ := vm.State()
	fmt.Println(state)
	if err := vm.Stop(ctx); err != nil {
		fmt.Println(err)
		return
	}
	state, _ = vm.State()
	fmt.Println(state)
	// Output:
	// running
	// stopped
}
