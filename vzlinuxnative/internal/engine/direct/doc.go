// Package direct is an engine that makes containers with system calls of its
// own: one clone from the monitor, no second program, no second Go runtime.
//
// Go code turns an OCI spec into a plan, a flat list of operations; the cloned
// child, a few hundred lines of C (child_linux.c), runs the plan and executes
// the workload. What can be made before the clone is made in Go: bind mounts
// are detached mount descriptors, the seccomp filter is compiled here. The child
// resolves every path inside the root by openat2 and attaches every mount by
// descriptor.
//
// Specs that need what it does not do (user namespaces, hooks, SELinux, …) are
// told by [Supports]; package libct runs those.
//
// It needs Linux 5.12 (mount_setattr).
package direct
