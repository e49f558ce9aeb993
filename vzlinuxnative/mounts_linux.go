package vzlinuxnative

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/record"
)

// A mountPlan is what must be made on the host before the container's mounts
// can be.
type mountPlan struct {
	dirs []string // missing bind sources
}

// planMounts resolves the mounts into cfg and says what is to be made.
func (b *Backend) planMounts(_ context.Context, cfg *record.Config) (*mountPlan, error) {
	plan := new(mountPlan)
	for _, m := range cfg.Run.Mounts {
		rm := record.Mount{Mount: m}
		switch m.Type {
		case vzcontract.MountBind:
			rm.HostPath = m.Source
			_, err := os.Stat(m.Source)
			switch {
			case err == nil:
			case errors.Is(err, fs.ErrNotExist) && m.CreateSource:
				plan.dirs = append(plan.dirs, m.Source)
			case errors.Is(err, fs.ErrNotExist):
				return nil, invalid("bind source %s does not exist: make it first, or use -v, which makes it", m.Source)
			default:
				return nil, invalid("bind source: %w", err)
			}
		case vzcontract.MountTmpfs:
		default:
			return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "mounts of type %s", m.Type)
		}
		cfg.Mounts = append(cfg.Mounts, rm)
	}
	return plan, nil
}

// make makes it, once the container's name is taken.
func (p *mountPlan) make() error {
	for _, dir := range p.dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return invalid("make bind source: %w", err)
		}
	}
	return nil
}
