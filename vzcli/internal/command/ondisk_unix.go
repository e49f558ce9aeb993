//go:build unix

package command

import (
	"io/fs"
	"syscall"
)

// onDisk is what a file takes: sparse parts take nothing.
func onDisk(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return info.Size()
}
