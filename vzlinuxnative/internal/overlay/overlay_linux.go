// Package overlay knows how overlayfs keeps deletions and hidden directories
// in the file system below it.
package overlay

import (
	"bytes"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/userns"
)

// UserXattrs reports whether overlays keep their marks in user.overlay.*
// attributes: they do in a user namespace, where trusted.* cannot be used.
func UserXattrs() bool { return userns.Inside() }

// Prefix is that of the attributes which belong to overlayfs.
func Prefix() string {
	if UserXattrs() {
		return "user.overlay."
	}
	return "trusted.overlay."
}

// OpaqueName is the attribute of a directory that hides what lower layers have.
func OpaqueName() string { return Prefix() + "opaque" }

// Whiteout reports whether a file with this stat marks a deletion.
func Whiteout(st *unix.Stat_t) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0
}

// Opaque reports whether the directory open as fd, not with O_PATH, hides what
// lower layers have in its place.
func Opaque(fd int) bool {
	var value [8]byte
	n, err := unix.Fgetxattr(fd, OpaqueName(), value[:])
	return err == nil && bytes.Equal(value[:n], []byte("y"))
}
