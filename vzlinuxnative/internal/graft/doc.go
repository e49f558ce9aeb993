//go:build linux

// Package graft puts mounts into the mount namespace of a container that runs, and
// takes them out again.
//
// The kernel attaches a mount only for a caller in the namespace, so a thread enters it
// for one operation and ends with it. Nothing in the namespace is trusted, and the
// container may change it meanwhile: every path is resolved by the kernel inside the
// container's root, mounts are attached to descriptors, and a mount is known again by
// the kernel's number of it, whatever has been renamed around it.
package graft
