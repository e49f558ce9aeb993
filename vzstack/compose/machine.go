package compose

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/docker/go-units"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// machine reads the project's own x-vz: whether its services share one machine, and
// how large that is.
func (t *translator) machine() *plan.SharedVM {
	raw, ok := t.Extensions["x-vz"]
	if !ok {
		return nil
	}
	p := t.problems()
	settings, ok := raw.(map[string]any)
	if !ok {
		p.add("x-vz", "want a mapping")
		return nil
	}
	p = p.below("x-vz")
	vm := &plan.SharedVM{Name: t.Name}
	shared := false
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		value := fmt.Sprint(settings[key])
		var err error
		switch key {
		case "vm":
			shared = value == "shared"
			switch {
			case value != "shared" && value != "own":
				p.add(key, "want shared or own")
			case t.host.Isolation != vzcontract.IsolationFull:
				p.add(key, "%s: this backend shares the host's kernel; use --backend vm", value)
			}
		case "vm_memory":
			if vm.Limits.Memory, err = units.RAMInBytes(value); err != nil || vm.Limits.Memory < 64<<20 {
				p.add(key, "%q is no size of 64m or more", value)
			}
		case "vm_cpus":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > 256 {
				p.add(key, "%q is no number of processors from 1 to 256", value)
			}
			vm.Limits.NanoCPUs = int64(n) * 1e9
		}
	}
	if shared {
		return vm
	}
	for _, key := range []string{"vm_memory", "vm_cpus"} {
		if _, ok := settings[key]; ok {
			p.add(key, "is that of a machine that all services share: it needs vm: shared")
		}
	}
	return nil
}
