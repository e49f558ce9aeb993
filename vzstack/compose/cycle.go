package compose

import (
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// checkCycle refuses services that wait for each other and names them.
func checkCycle(p *types.Project) error {
	const visiting, done = 1, 2
	state := map[string]int{}
	var path []string
	var visit func(name string) error
	visit = func(name string) error {
		switch state[name] {
		case done:
			return nil
		case visiting:
			loop := append(slices.Clone(path[slices.Index(path, name):]), name)
			err := vzcontract.Errorf(vzcontract.ErrValidation, "dependency cycle: %s", strings.Join(loop, " -> "))
			return &plan.PathError{Path: "services." + name + ".depends_on", Err: err}
		}
		state[name] = visiting
		path = append(path, name)
		for _, next := range slices.Sorted(maps.Keys(p.Services[name].DependsOn)) {
			if _, ok := p.Services[next]; ok {
				if err := visit(next); err != nil {
					return err
				}
			}
		}
		path = path[:len(path)-1]
		state[name] = done
		return nil
	}
	for _, name := range p.ServiceNames() {
		if err := visit(name); err != nil {
			return err
		}
	}
	return nil
}
