// Package qmp speaks QEMU's machine protocol: commands with answers, events, and
// descriptors passed along.
package qmp
