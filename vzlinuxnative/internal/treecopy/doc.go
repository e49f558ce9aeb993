//go:build linux

// Package treecopy copies directory trees with all that they hold: owners,
// modes, times, extended attributes, hard links, holes, links and devices.
// Bytes are shared with the source where the file system can do that.
package treecopy
