//go:build unix

package copytar

import (
	"io/fs"
	"syscall"
)

type inode struct{ dev, ino uint64 }

// inodeOf reports which file info is and whether it has more than one name.
func inodeOf(info fs.FileInfo) (inode, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return inode{}, false
	}
	return inode{uint64(st.Dev), st.Ino}, st.Nlink > 1
}
