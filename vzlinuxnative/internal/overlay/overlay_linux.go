// Package overlay knows how overlayfs keeps deletions and hidden directories
// in the file system below it.
package overlay

import (
	"bytes"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// UserXattrs reports whether overlays keep their marks in user.overlay.*
// attributes: they do in a user namespace, where trusted.* cannot be used.
var UserXattrs = sync.OnceValue(func() bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	// The initial user namespace maps all ids to themselves.
	return err == nil && strings.Join(strings.Fields(string(b)), " ") != "0 0 4294967295"
})

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
