//go:build !linux

package process

import (
	"syscall"
	"time"
)

// A group is what Linux has cgroups for; elsewhere there is only the process group.
type group struct{}

func newGroup(*syscall.SysProcAttr) (*group, error) { return nil, nil }

func (*group) started()            {}
func (*group) kill()               {}
func (*group) oomKilled() bool     { return false }
func (*group) remove() bool        { return true }
func (*group) empty(time.Duration) {}
