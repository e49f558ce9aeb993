// The child's half of the direct engine. See child_linux.c.
#ifndef VZ_DIRECT_CHILD_H
#define VZ_DIRECT_CHILD_H

#include <stddef.h>
#include <stdint.h>

// Operations of a plan. Keep in step with plan.go.
enum vz_op {
	VZ_WRITE = 1,   // str path, str data
	VZ_UNSHARE,     // u64 flags
	VZ_SETNS,       // u64 fd, u64 flags
	VZ_SETSID,      //
	VZ_KEYRING,     // str name
	VZ_STDIO,       // u64 fd, u64 target
	VZ_PROPAGATE,   // str path, u64 flags
	VZ_ROOT,        // str path, u64 bind onto itself
	VZ_FSMOUNT,     // str type, str target, u64 keep the target's mode, u64 attributes, u64 n, n × (str key, str value)
	VZ_ATTACH,      // u64 mount fd, str target, u64 is a directory
	VZ_SYMLINK,     // str target, str path
	VZ_READONLY,    // str path: a mount that becomes read-only
	VZ_LOCK,        // str path: recursively read-only; absent is fine
	VZ_MASK,        // str path: hidden; absent is fine
	VZ_CONSOLE,     // u64 rows, u64 columns, u64 uid, u64 bind /dev/console
	VZ_PIVOT,       // u64 read-only
	VZ_HOSTNAME,    // str
	VZ_DOMAINNAME,  // str
	VZ_READY,       // tell the parent, wait for its word
	VZ_RLIMIT,      // u64 resource, u64 soft, u64 hard
	VZ_UMASK,       // u64
	VZ_NONEWPRIVS,  //
	VZ_SECCOMP,     // u64 flags, str filter
	VZ_CLOSE,       // all descriptors but stdio and the parent's
	VZ_CHDIR,       // str path
	VZ_BOUNDING,    // u64 capabilities that stay
	VZ_USER,        // u64 uid, u64 gid, u64 keep the groups, u64 n, n × u64
	VZ_CAPS,        // u64 effective, permitted, inheritable, ambient
	VZ_EXEC,        // u64 n paths, u64 n argv, u64 n env, the strings
	VZ_LOOPBACK,    // lo of the network namespace comes up
	VZ_CHROOT,      // u64 directory fd
};

// vz_spawn clones a child that runs the plan and returns its pid, or -errno.
// flags are clone3's namespace flags; cgroup is a directory descriptor for
// CLONE_INTO_CGROUP or -1; pidns, when not -1, is the pid namespace that the
// child is born in. sock is the child's end of a
// SOCK_SEQPACKET pair. *pidfd receives a pid descriptor.
int vz_spawn(uint64_t flags, int cgroup, int pidns, int sock,
	     const void *plan, size_t len, int *pidfd);

#endif
