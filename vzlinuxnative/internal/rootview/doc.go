//go:build linux

// Package rootview copies files into and out of a container's root, as docker
// cp does. The root is given as an open directory: /proc/PID/root of a running
// container, where the container's mounts are seen, or that of package rootfs
// for one that is not running, where volumes and binds are empty directories.
//
// Nothing in a root is trusted, and the container may change it meanwhile.
// Every path is resolved by the kernel inside the root; what is written goes to
// a new file, which then takes its name; links, devices and pipes are never
// opened. So a container can spoil its own copy, but not lead it elsewhere.
package rootview
