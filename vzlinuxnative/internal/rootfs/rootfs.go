//go:build linux

// Package rootfs makes the root directory of a container from image layers.
package rootfs

// A Root is a mounted root.
type Root struct {
	Path   string            // where it is mounted
	Driver string            // "overlay" or "copy"
	Data   map[string]string // for inspect: LowerDir, UpperDir, WorkDir, MergedDir, or why it is a copy
}
