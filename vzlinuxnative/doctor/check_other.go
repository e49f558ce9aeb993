//go:build !linux

package doctor

// checks are none: containers on the host's kernel need Linux.
func checks() []Check {
	return nil
}
