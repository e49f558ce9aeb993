// What runs between clone and exec.
//
// The child is a copy of a Go process with one thread, so this code calls
// nothing that takes a lock, allocates, or talks to other threads: system
// calls only, raw where glibc would do more (setuid and friends). It follows a
// plan made in Go, one operation after the other; the first that fails is
// reported to the parent by its index, with errno, and ends the child.
//
// Every path inside the container is resolved with openat2(RESOLVE_IN_ROOT) and
// every mount is attached by descriptor, so no link of an image leads out.

#define _GNU_SOURCE
#include "child_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/filter.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS_BITS_DETACH 2 // MNT_DETACH; sys/mount.h clashes with linux/mount.h
#define MAX_LINKS 40

struct reader {
	const unsigned char *p, *end;
};

struct child {
	int sock;
	int root; // O_PATH of the container's root, AT_FDCWD's "/" after the pivot
	int empty; // a read-only tmpfs to mask directories with
	struct reader in;
};

static uint64_t num(struct reader *r)
{
	uint64_t v = 0;
	if (r->end - r->p >= 8) {
		memcpy(&v, r->p, 8);
		r->p += 8;
	}
	return v;
}

// str returns the next NUL-terminated string; its length goes to *len.
static const char *strn(struct reader *r, size_t *len)
{
	uint64_t n = num(r);
	const char *s = (const char *)r->p;
	if ((uint64_t)(r->end - r->p) < n + 1) {
		if (len)
			*len = 0;
		return "";
	}
	r->p += n + 1;
	if (len)
		*len = n;
	return s;
}

static const char *str(struct reader *r) { return strn(r, NULL); }

static int resolve(int root, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	return syscall(SYS_openat2, root, path, &how, sizeof how);
}

// target opens path inside root, making what is missing: directories, and at
// the end a directory or an empty file. A link that leads nowhere is followed
// and its end is made.
static int target(int root, const char *path, int isdir)
{
	char cur[PATH_MAX], next[PATH_MAX], link[PATH_MAX];
	if (strlen(path) >= sizeof cur)
		return errno = ENAMETOOLONG, -1;
	strcpy(cur, path);
	for (int depth = 0; depth < MAX_LINKS; depth++) {
		int fd = resolve(root, cur, O_PATH);
		if (fd >= 0 || errno != ENOENT)
			return fd;
		// The longest prefix that exists is parent; name follows it.
		int parent = resolve(root, "/", O_PATH | O_DIRECTORY);
		if (parent < 0)
			return -1;
		char *name = cur;
		int again = 0;
		while (*name == '/')
			name++;
		while (*name) {
			char *slash = strchr(name, '/');
			char *rest = slash ? slash : name + strlen(name);
			while (*rest == '/')
				rest++;
			int last = !*rest;
			if (slash)
				*slash = 0;
			fd = resolve(root, cur, O_PATH);
			if (fd < 0 && errno == ENOENT) {
				int rc;
				if (last && !isdir) {
					rc = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
					if (rc >= 0)
						close(rc);
				} else {
					rc = mkdirat(parent, name, 0755);
				}
				if (rc < 0 && errno == EEXIST) {
					ssize_t n = readlinkat(parent, name, link, sizeof link - 1);
					if (n < 0) {
						close(parent);
						return errno = EEXIST, -1;
					}
					link[n] = 0;
					size_t head = link[0] == '/' ? 0 : (size_t)(name - cur);
					if (head + n + 1 + strlen(rest) >= sizeof next) {
						close(parent);
						return errno = ENAMETOOLONG, -1;
					}
					memcpy(next, cur, head);
					strcpy(next + head, link);
					if (!last) {
						strcat(next, "/");
						strcat(next, rest);
					}
					again = 1;
					break;
				}
				if (rc < 0 && errno != EEXIST) {
					int e = errno;
					close(parent);
					return errno = e, -1;
				}
				fd = resolve(root, cur, O_PATH);
			}
			if (fd < 0) {
				int e = errno;
				close(parent);
				return errno = e, -1;
			}
			close(parent);
			parent = fd;
			if (slash)
				*slash = '/';
			name = rest;
		}
		if (!again)
			return parent;
		close(parent);
		strcpy(cur, next);
	}
	return errno = ELOOP, -1;
}

// place is target for a mount. What a link of the image leads into /proc is refused:
// there a mount would hide what the kernel tells and takes.
static int place(int root, const char *path, int isdir)
{
	struct statfs fs;
	int fd = target(root, path, isdir);
	if (fd >= 0 && strncmp(path, "/proc/", 6) && fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC) {
		close(fd);
		return errno = EPERM, -1;
	}
	return fd;
}

static int attach(int mfd, int tfd)
{
	int rc = syscall(SYS_move_mount, mfd, "", tfd, "",
			 MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	int e = errno;
	close(mfd);
	close(tfd);
	errno = e;
	return rc;
}

static int new_mount(const char *type, uint64_t attr, uint64_t n, struct reader *r)
{
	int ctx = syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	if (ctx < 0)
		return -1;
	for (uint64_t i = 0; i < n; i++) {
		const char *k = str(r), *v = str(r);
		int rc = *v ? syscall(SYS_fsconfig, ctx, FSCONFIG_SET_STRING, k, v, 0)
			    : syscall(SYS_fsconfig, ctx, FSCONFIG_SET_FLAG, k, NULL, 0);
		if (rc < 0)
			return -1;
	}
	if (syscall(SYS_fsconfig, ctx, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	int m = syscall(SYS_fsmount, ctx, FSMOUNT_CLOEXEC, attr);
	int e = errno;
	close(ctx);
	errno = e;
	return m;
}

static int clone_tree(int fd, unsigned flags)
{
	return syscall(SYS_open_tree, fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | flags);
}

static int set_attr(int fd, uint64_t set)
{
	struct mount_attr a = {.attr_set = set};
	return syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &a, sizeof a);
}

static int op_write(const char *path, const char *data, size_t n)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t w = write(fd, data, n);
	int e = errno;
	close(fd);
	errno = e;
	return w == (ssize_t)n ? 0 : -1;
}

static int op_root(struct child *c, const char *path, uint64_t bind)
{
	if (bind) {
		int t = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (t < 0)
			return -1;
		int m = clone_tree(t, AT_RECURSIVE);
		if (m < 0 || attach(m, t) < 0)
			return -1;
	}
	c->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return c->root < 0 ? -1 : 0;
}

static int op_fsmount(struct child *c)
{
	const char *type = str(&c->in), *path = str(&c->in);
	uint64_t keep = num(&c->in), attr = num(&c->in), n = num(&c->in);
	struct stat st;
	int old = keep ? resolve(c->root, path, O_PATH) : -1;
	if (old >= 0) {
		keep = fstat(old, &st) == 0;
		close(old);
	} else {
		keep = 0;
	}
	int t = place(c->root, path, 1);
	if (t < 0)
		return -1;
	int m = new_mount(type, attr, n, &c->in);
	if (m < 0)
		return -1;
	if (keep && fchmodat(m, ".", st.st_mode & 07777, 0) < 0)
		return -1;
	return attach(m, t);
}

static int op_loopback(void)
{
	struct ifreq r = {.ifr_name = "lo"};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -1;
	int rc = ioctl(s, SIOCGIFFLAGS, &r);
	if (rc == 0) {
		r.ifr_flags |= IFF_UP;
		rc = ioctl(s, SIOCSIFFLAGS, &r);
	}
	int e = errno;
	close(s);
	errno = e;
	return rc;
}

static int op_symlink(struct child *c, const char *to, const char *path)
{
	char dir[PATH_MAX];
	const char *base = strrchr(path, '/');
	if (!base || (size_t)(base - path) >= sizeof dir)
		return errno = EINVAL, -1;
	memcpy(dir, path, base - path);
	dir[base - path] = 0;
	int d = target(c->root, *dir ? dir : "/", 1);
	if (d < 0)
		return -1;
	int rc = symlinkat(to, d, base + 1);
	if (rc < 0 && errno == EEXIST)
		rc = 0;
	close(d);
	return rc;
}

static int op_readonly(struct child *c, const char *path)
{
	struct mount_attr a = {.attr_set = MOUNT_ATTR_RDONLY};
	int t = resolve(c->root, path, O_PATH);
	if (t < 0)
		return -1;
	int rc = syscall(SYS_mount_setattr, t, "", AT_EMPTY_PATH, &a, sizeof a);
	int e = errno;
	close(t);
	errno = e;
	return rc;
}

// Masks and locks act after the pivot, so "/" is the container's root.

static int op_lock(const char *path)
{
	int t = resolve(AT_FDCWD, path, O_PATH);
	if (t < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	int m = clone_tree(t, AT_RECURSIVE);
	if (m < 0 || set_attr(m, MOUNT_ATTR_RDONLY) < 0)
		return -1;
	return attach(m, t);
}

static int op_mask(struct child *c, const char *path)
{
	struct stat st;
	int m, t = resolve(AT_FDCWD, path, O_PATH);
	if (t < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	if (fstat(t, &st) < 0)
		return -1;
	if (S_ISDIR(st.st_mode)) {
		if (c->empty < 0) {
			struct reader none = {0};
			c->empty = new_mount("tmpfs", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0, &none);
			if (c->empty < 0)
				return -1;
			if (attach(c->empty, t) < 0)
				return -1;
			// Later masks are clones of this one, now that it is attached.
			c->empty = resolve(AT_FDCWD, path, O_PATH);
			return c->empty < 0 ? -1 : 0;
		}
		m = clone_tree(c->empty, 0);
	} else {
		struct stat nul;
		int n = resolve(AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW);
		if (n < 0)
			return -1;
		// A /dev of the user's own must not choose what the mask shows.
		if (fstat(n, &nul) < 0 || !S_ISCHR(nul.st_mode) || nul.st_rdev != makedev(1, 3))
			return errno = ENODEV, -1;
		m = clone_tree(n, 0);
		close(n);
	}
	if (m < 0)
		return -1;
	return attach(m, t);
}

static int send_msg(int sock, const void *b, size_t n, int fd)
{
	char ctl[CMSG_SPACE(sizeof fd)];
	struct iovec iov = {(void *)b, n};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fd >= 0) {
		memset(ctl, 0, sizeof ctl);
		h.msg_control = ctl;
		h.msg_controllen = sizeof ctl;
		struct cmsghdr *m = CMSG_FIRSTHDR(&h);
		m->cmsg_level = SOL_SOCKET;
		m->cmsg_type = SCM_RIGHTS;
		m->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(m), &fd, sizeof fd);
	}
	return sendmsg(sock, &h, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -1;
}

static int op_console(struct child *c, uint64_t rows, uint64_t cols, uint64_t uid, uint64_t bind)
{
	struct statfs fs;
	struct stat st;
	int root = c->root >= 0 ? c->root : AT_FDCWD;
	int dir = resolve(root, "/dev/pts", O_PATH | O_DIRECTORY);
	if (dir < 0 || fstatfs(dir, &fs) < 0)
		return -1;
	if (fs.f_type != DEVPTS_SUPER_MAGIC)
		return errno = ENODEV, -1;
	int m = openat(dir, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	close(dir);
	if (m < 0 || fstat(m, &st) < 0)
		return -1;
	if (st.st_rdev != makedev(5, 2))
		return errno = ENODEV, -1;
	int unlock = 0;
	if (ioctl(m, TIOCSPTLCK, &unlock) < 0)
		return -1;
	// TIOCGPTPEER opens the slave by the master: no name, no race.
	int s = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s < 0)
		return -1;
	struct winsize ws = {.ws_row = rows, .ws_col = cols};
	if ((rows || cols) && ioctl(m, TIOCSWINSZ, &ws) < 0)
		return -1;
	if (fchown(s, uid, -1) < 0 && errno != EPERM)
		return -1;
	if (bind) {
		int t = target(root, "/dev/console", 0);
		if (t < 0)
			return -1;
		int tree = clone_tree(s, 0);
		if (tree < 0 || attach(tree, t) < 0)
			return -1;
	}
	if (send_msg(c->sock, "C", 1, m) < 0)
		return -1;
	close(m);
	for (int i = 0; i < 3; i++)
		if (dup2(s, i) < 0)
			return -1;
	if (s > 2)
		close(s);
	return ioctl(0, TIOCSCTTY, 0);
}

static int op_pivot(struct child *c, uint64_t readonly)
{
	if (readonly) {
		struct mount_attr a = {.attr_set = MOUNT_ATTR_RDONLY};
		if (syscall(SYS_mount_setattr, c->root, "", AT_EMPTY_PATH, &a, sizeof a) < 0)
			return -1;
	}
	// pivot_root(".", ".") stacks the old root on the new one; the
	// unmount takes it away again.
	if (fchdir(c->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return -1;
	if (syscall(SYS_umount2, ".", MS_BITS_DETACH) < 0 || chdir("/") < 0)
		return -1;
	close(c->root);
	c->root = -1;
	return 0;
}

static int op_close(struct child *c)
{
	if (c->sock != 3) {
		if (dup3(c->sock, 3, O_CLOEXEC) < 0)
			return -1;
		c->sock = 3;
	}
	c->empty = -1;
	return syscall(SYS_close_range, 4, ~0U, 0);
}

// op_ready waits for the parent to say go. Before that all that is the parent's
// is closed: its locks and connections, whose end others wait for, must end
// with it, and so must this wait.
static int op_ready(struct child *c)
{
	char go;
	if (op_close(c) < 0)
		return -1;
	if (send_msg(c->sock, "R", 1, -1) < 0)
		return -1;
	ssize_t n;
	do
		n = read(c->sock, &go, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1) // the parent is gone or has changed its mind
		_exit(0);
	return 0;
}

static int op_chdir(const char *path)
{
	char cwd[PATH_MAX];
	if (chdir(path) < 0)
		return -1;
	// Outside the root the kernel says "(unreachable)".
	if (syscall(SYS_getcwd, cwd, sizeof cwd) < 0)
		return -1;
	return cwd[0] == '/' ? 0 : (errno = EXDEV, -1);
}

static int op_bounding(uint64_t keep)
{
	for (int i = 0; i < 64; i++) {
		int has = prctl(PR_CAPBSET_READ, i, 0, 0, 0);
		if (has < 0)
			break;
		if (has && !(keep >> i & 1) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
			return -1;
	}
	return 0;
}

static int op_user(struct child *c)
{
	static gid_t groups[65536];
	uint64_t uid = num(&c->in), gid = num(&c->in), keep = num(&c->in), n = num(&c->in);
	if (n > 65536)
		return errno = EINVAL, -1;
	for (uint64_t i = 0; i < n; i++)
		groups[i] = num(&c->in);
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -1;
	if ((!keep && syscall(SYS_setgroups, n, groups) < 0) || syscall(SYS_setresgid, gid, gid, gid) < 0 ||
	    syscall(SYS_setresuid, uid, uid, uid) < 0)
		return -1;
	return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
}

static int op_caps(struct child *c)
{
	uint64_t e = num(&c->in), p = num(&c->in), i = num(&c->in), amb = num(&c->in);
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {
		{(uint32_t)e, (uint32_t)p, (uint32_t)i},
		{e >> 32, p >> 32, i >> 32},
	};
	if (syscall(SYS_capset, &h, d) < 0)
		return -1;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -1;
	for (int k = 0; k < 64; k++)
		if (amb >> k & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, k, 0, 0) < 0)
			return -1;
	return 0;
}

static int op_seccomp(uint64_t flags, const char *prog, size_t n)
{
	struct sock_fprog f = {.len = n / sizeof(struct sock_filter), .filter = (struct sock_filter *)prog};
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &f) < 0 ? -1 : 0;
}

static int op_exec(struct child *c)
{
	static const char *v[65536];
	uint64_t np = num(&c->in), na = num(&c->in), ne = num(&c->in), k = 0;
	if (np + na + ne + 2 > sizeof v / sizeof *v)
		return errno = E2BIG, -1;
	const char **paths = v, **argv = v + np, **envp = argv + na + 1;
	for (k = 0; k < np; k++)
		paths[k] = str(&c->in);
	for (k = 0; k < na; k++)
		argv[k] = str(&c->in);
	argv[na] = NULL;
	for (k = 0; k < ne; k++)
		envp[k] = str(&c->in);
	envp[ne] = NULL;
	uint64_t none = 0;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8);
	int denied = 0;
	for (k = 0; k < np; k++) {
		execve(paths[k], (char **)argv, (char **)envp);
		if (errno == EACCES)
			denied = 1;
		else if (errno != ENOENT && errno != ENOTDIR)
			return -1;
	}
	errno = denied ? EACCES : ENOENT;
	return -1;
}

static int run(struct child *c, uint64_t op)
{
	struct reader *r = &c->in;
	const char *a, *b;
	uint64_t x, y, z;
	size_t n;
	switch (op) {
	case VZ_WRITE:
		a = str(r);
		b = strn(r, &n);
		return op_write(a, b, n);
	case VZ_UNSHARE:
		return syscall(SYS_unshare, num(r));
	case VZ_SETNS:
		x = num(r);
		y = num(r);
		return syscall(SYS_setns, x, y);
	case VZ_SETSID:
		return setsid() < 0 ? -1 : 0;
	case VZ_KEYRING:
		// EDQUOT and a kernel without keyrings are no reason to fail.
		syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, str(r));
		return 0;
	case VZ_LOOPBACK:
		return op_loopback();
	case VZ_CHROOT:
		return fchdir(num(r)) < 0 || chroot(".") < 0 ? -1 : 0;
	case VZ_STDIO:
		x = num(r);
		y = num(r);
		return x == y ? fcntl(x, F_SETFD, 0) : dup2(x, y) < 0 ? -1 : 0;
	case VZ_PROPAGATE:
		a = str(r);
		return syscall(SYS_mount, "", a, NULL, num(r), NULL);
	case VZ_ROOT:
		a = str(r);
		return op_root(c, a, num(r));
	case VZ_FSMOUNT:
		return op_fsmount(c);
	case VZ_ATTACH:
		x = num(r);
		a = str(r);
		z = num(r);
		y = place(c->root, a, z);
		return (int)y < 0 ? -1 : attach(x, y);
	case VZ_SYMLINK:
		a = str(r);
		return op_symlink(c, a, str(r));
	case VZ_READONLY:
		return op_readonly(c, str(r));
	case VZ_LOCK:
		return op_lock(str(r));
	case VZ_MASK:
		return op_mask(c, str(r));
	case VZ_CONSOLE:
		x = num(r);
		y = num(r);
		z = num(r);
		return op_console(c, x, y, z, num(r));
	case VZ_PIVOT:
		return op_pivot(c, num(r));
	case VZ_HOSTNAME:
		a = strn(r, &n);
		return sethostname(a, n);
	case VZ_DOMAINNAME:
		a = strn(r, &n);
		return setdomainname(a, n);
	case VZ_READY:
		return op_ready(c);
	case VZ_RLIMIT: {
		x = num(r);
		struct rlimit l = {.rlim_cur = num(r)};
		l.rlim_max = num(r);
		return syscall(SYS_prlimit64, 0, x, &l, NULL);
	}
	case VZ_UMASK:
		umask(num(r));
		return 0;
	case VZ_NONEWPRIVS:
		return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	case VZ_SECCOMP:
		x = num(r);
		a = strn(r, &n);
		return op_seccomp(x, a, n);
	case VZ_CLOSE:
		return op_close(c);
	case VZ_CHDIR:
		return op_chdir(str(r));
	case VZ_BOUNDING:
		return op_bounding(num(r));
	case VZ_USER:
		return op_user(c);
	case VZ_CAPS:
		return op_caps(c);
	case VZ_EXEC:
		return op_exec(c);
	}
	return errno = ENOSYS, -1;
}

static void child(int sock, const void *plan, size_t len)
{
	struct child c = {.sock = sock, .root = -1, .empty = -1, .in = {plan, (const unsigned char *)plan + len}};
	struct { uint64_t handler, flags, restorer, mask; } dfl = {0};
	for (int s = 1; s <= 64; s++)
		syscall(SYS_rt_sigaction, s, &dfl, NULL, 8);
	// Until exec it is no workload: see package process.
	prctl(PR_SET_NAME, "vz:[init]", 0, 0, 0);
	// The workload's timers are exact: see package timerslack.
	prctl(PR_SET_TIMERSLACK, 50000, 0, 0, 0);
	// Nobody in a container may look into this copy of the monitor.
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	for (uint32_t i = 0; c.in.p < c.in.end; i++) {
		if (run(&c, num(&c.in)) < 0) {
			struct { char what; uint32_t index, err; } __attribute__((packed)) e = {'E', i, errno};
			send_msg(c.sock, &e, sizeof e, -1);
			_exit(1);
		}
	}
	_exit(1);
}

struct birth {
	struct clone_args args;
	int pidns, sock;
	const void *plan;
	size_t len;
	long pid; // or -errno
};

static void bear(struct birth *b)
{
	b->pid = syscall(SYS_clone3, &b->args, sizeof b->args);
	if (b->pid == 0)
		child(b->sock, b->plan, b->len);
	if (b->pid < 0)
		b->pid = -errno;
}

// elsewhere runs in a process that goes into the pid namespace in the caller's place, who
// might not be let back. The child becomes the caller's.
static int elsewhere(void *arg)
{
	struct birth *b = arg;
	if (syscall(SYS_setns, b->pidns, CLONE_NEWPID) < 0) {
		b->pid = -errno;
		return 0;
	}
	b->args.flags |= CLONE_PARENT;
	b->args.exit_signal = 0; // that of this process
	bear(b);
	return 0;
}

int vz_spawn(uint64_t flags, int cgroup, int pidns, int sock, const void *plan, size_t len, int *pidfd)
{
	struct birth b = {
		.args = {
			.flags = flags | CLONE_PIDFD | (cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
			.pidfd = (uint64_t)(uintptr_t)pidfd,
			.exit_signal = SIGCHLD,
			.cgroup = cgroup >= 0 ? cgroup : 0,
		},
		.pidns = pidns, .sock = sock, .plan = plan, .len = len,
	};
	uint64_t all = ~0ULL, old = 0;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, 8);
	if (pidns < 0) {
		bear(&b);
	} else {
		// It shares memory and descriptors with this thread, which waits.
		char stack[65536] __attribute__((aligned(16)));
		int flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD;
		int pid = clone(elsewhere, stack + sizeof stack, flags, &b);
		if (pid < 0)
			b.pid = -errno;
		else
			while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
				;
	}
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, 8);
	return (int)b.pid;
}
