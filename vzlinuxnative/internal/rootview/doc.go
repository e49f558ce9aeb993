//go:build linux

// Package rootview copies files into and out of a container's root, as docker
// cp does, and lists, makes, moves and removes single ones. The root is given
// as an open directory: /proc/PID/root of a running container, where the
// container's mounts are seen, or that of package rootfs for one that is not
// running, where volumes and binds are empty directories.
//
// Nothing in a root is trusted, and the container may change it meanwhile.
// Every path is resolved by the kernel inside the root; what is written goes to
// a new file, which then takes its name; links, devices and pipes are never
// opened; removing goes down by descriptors and enters no link and no mount. So
// a container can spoil its own copy, but not lead it elsewhere.
package rootview
