package record

import (
	"path"
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

// An AddedMount is a bind that the container was given after create. It is on record
// before it is made, and until it is gone.
type AddedMount struct {
	Mount
	// ID is the kernel's number of it in the present run, by which it is known again.
	ID uint64 `json:"id,omitempty"`
}

// OwnMounts are the places at which every container has a mount.
func OwnMounts() []string {
	return []string{"/dev", "/proc", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}
}

// Mounts are those of a container, with what was added since create.
func Mounts(c *Config, st *State) []Mount {
	all := slices.Clip(c.Mounts)
	for _, m := range st.Mounts {
		all = append(all, m.Mount)
	}
	return all
}

// AddMount puts a bind on record. A place that is another mount's, or above one, is
// vzcontract.ErrConflict.
func AddMount(c *Config, st *State, m AddedMount) error {
	taken := OwnMounts()
	for _, other := range Mounts(c, st) {
		taken = append(taken, path.Clean(other.Target))
	}
	for _, target := range taken {
		switch {
		case target == m.Target:
			return vzcontract.Errorf(vzcontract.ErrConflict, "mount %s: something is mounted there already", m.Target)
		case strings.HasPrefix(target, m.Target+"/"):
			return vzcontract.Errorf(vzcontract.ErrConflict, "mount %s: it would hide the mount at %s", m.Target, target)
		}
	}
	st.Mounts = append(st.Mounts, m)
	return nil
}

// FindAdded returns the mount that was added at target. One of the container's first
// is vzcontract.ErrConflict, none vzcontract.ErrNotFound.
func FindAdded(c *Config, st *State, target string) (AddedMount, error) {
	target = path.Clean(target)
	for _, m := range st.Mounts {
		if m.Target == target {
			return m, nil
		}
	}
	if slices.ContainsFunc(c.Mounts, func(m Mount) bool { return path.Clean(m.Target) == target }) {
		return AddedMount{}, vzcontract.Errorf(vzcontract.ErrConflict, "the container was created with the mount at %s: it stays as long as the container", target)
	}
	return AddedMount{}, vzcontract.Errorf(vzcontract.ErrNotFound, "nothing was mounted at %s since the container was created", target)
}

// DropMount takes what was added at target off the record.
func DropMount(st *State, target string) {
	st.Mounts = slices.DeleteFunc(st.Mounts, func(m AddedMount) bool { return m.Target == path.Clean(target) })
}
