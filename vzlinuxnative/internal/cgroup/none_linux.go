package cgroup

import (
	"github.com/opencontainers/cgroups"

	"vz.internal/vzcontract"
)

// errNone refuses what takes a cgroup of a container that has none.
func errNone() error {
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "the container has no cgroup of its own: %s", Denied())
}

// none is the manager of the path "", of a container without a cgroup.
type none struct{}

var _ cgroups.Manager = none{}

func (none) Apply(int) error                                     { return nil }
func (none) AddPid(string, int) error                            { return errNone() }
func (none) GetPids() ([]int, error)                             { return nil, nil }
func (none) GetAllPids() ([]int, error)                          { return nil, nil }
func (none) GetStats() (*cgroups.Stats, error)                   { return nil, errNone() }
func (none) Stats(*cgroups.StatsOptions) (*cgroups.Stats, error) { return nil, errNone() }
func (none) Destroy() error                                      { return nil }
func (none) Path(string) string                                  { return "" }
func (none) Set(*cgroups.Resources) error                        { return nil } // limits are refused before
func (none) GetPaths() map[string]string                         { return nil }
func (none) GetCgroups() (*cgroups.Cgroup, error)                { return &cgroups.Cgroup{}, nil }
func (none) GetFreezerState() (cgroups.FreezerState, error)      { return cgroups.Undefined, nil }
func (none) Exists() bool                                        { return false }
func (none) OOMKillCount() (uint64, error)                       { return 0, nil }

func (none) Freeze(state cgroups.FreezerState) error {
	if state == cgroups.Thawed {
		return nil
	}
	return errNone()
}
