// Takes this process into its user's session before Go makes threads: the kernel lets
// no process with more than one join a user namespace.
//
// The holder of the session is asked for its namespaces by a socket in a directory that
// is the user's alone, so no pid is believed; and they are joined only if the user
// namespace is this user's, and the mount namespace belongs to it.

#define _GNU_SOURCE
#include "join_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct vz_session vz_session;

static void failed(const char *step)
{
	vz_session.err = errno ? errno : EINVAL;
	vz_session.step = step;
}

static const char *absolute(const char *name)
{
	const char *v = getenv(name);
	return v && *v == '/' ? v : NULL;
}

// find_dir sets the directory of the user's session, whether there is one or not: "session"
// below $VZ_RUN, else below "run" of the state. It is not below $XDG_RUNTIME_DIR, which goes
// with a logout and after su is another user's. Flags do not change it.
static void find_dir(void)
{
	const char *v, *below;
	if ((v = absolute("VZ_RUN")))
		below = "session";
	else if ((v = absolute("VZ_HOME")))
		below = "run/session";
	else if ((v = absolute("XDG_DATA_HOME")))
		below = "vz/run/session";
	else if ((v = absolute("HOME")))
		below = ".local/share/vz/run/session";
	else
		return;
	int n = snprintf(vz_session.dir, sizeof vz_session.dir, "%s/%s", v, below);
	if (n < 0 || (size_t)n >= sizeof vz_session.dir)
		vz_session.dir[0] = 0;
}

// open_dir opens a directory that is uid's alone.
static int open_dir(const char *path, unsigned uid)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || st.st_uid != uid || st.st_mode & 077)
		goto refuse;
	// Who may change the directory above could put others in its place.
	if (fstatat(fd, "..", &st, 0) < 0 || (st.st_uid != uid && st.st_uid != 0) || st.st_mode & 022)
		goto refuse;
	return fd;
refuse:
	close(fd);
	return errno = EPERM, -1;
}

// enroll makes this process a member: the session lives as long as it. The descriptor
// stays open until the process ends or executes another program, which enrolls itself.
static int enroll(int dir)
{
	int rc, fd = openat(dir, "members", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	do // waits for a holder that is about to end
		rc = flock(fd, LOCK_SH);
	while (rc < 0 && errno == EINTR);
	if (rc < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int receive(int dir, unsigned uid, int fds[3])
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct ucred peer;
	socklen_t len = sizeof peer;
	char byte, ctl[CMSG_SPACE(3 * sizeof(int))];
	struct iovec iov = {&byte, 1};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl};
	struct timeval patience = {.tv_sec = 5};
	ssize_t n;
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -1;
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/socket", dir);
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(s, (struct sockaddr *)&a, sizeof a) < 0)
		goto out;
	if (getsockopt(s, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		goto out;
	if (peer.uid != uid) {
		errno = EPERM;
		goto out;
	}
	do
		n = recvmsg(s, &h, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	struct cmsghdr *m = n == 1 ? CMSG_FIRSTHDR(&h) : NULL;
	if (!m || m->cmsg_type != SCM_RIGHTS || m->cmsg_len != CMSG_LEN(3 * sizeof(int))) {
		if (n >= 0)
			errno = n == 0 ? ECONNRESET : EBADMSG;
		goto out;
	}
	memcpy(fds, CMSG_DATA(m), 3 * sizeof(int));
	close(s);
	return 0;
out:
	n = errno;
	close(s);
	errno = n;
	return -1;
}

// owned reports that user is a user namespace of uid's, and mnt a mount namespace of it.
static int owned(int user, int mnt, unsigned uid)
{
	uid_t owner;
	struct stat a, b;
	if (ioctl(user, NS_GET_NSTYPE) != CLONE_NEWUSER || ioctl(mnt, NS_GET_NSTYPE) != CLONE_NEWNS)
		return 0;
	if (ioctl(user, NS_GET_OWNER_UID, &owner) < 0 || owner != uid)
		return 0;
	int of = ioctl(mnt, NS_GET_USERNS);
	if (of < 0)
		return 0;
	int same = fstat(of, &a) == 0 && fstat(user, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
	close(of);
	return same;
}

static int enter(int user, int mnt)
{
	char cwd[PATH_MAX];
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int named = getcwd(cwd, sizeof cwd) != NULL && cwd[0] == '/';
	if (readlink("/proc/self/exe", vz_session.program, sizeof vz_session.program - 1) < 0)
		vz_session.program[0] = 0;
	if (setns(user, CLONE_NEWUSER) < 0)
		return failed("join the user namespace"), -1;
	if (setns(mnt, CLONE_NEWNS) < 0)
		return failed("join the mount namespace"), -1;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return failed("become root in the session"), -1;
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); // else /proc/self belongs to nobody
	if ((!named || chdir(cwd) < 0) && (here < 0 || fchdir(here) < 0))
		return failed("go back to the working directory"), -1;
	if (here >= 0)
		close(here);
	return 0;
}

static void join(unsigned uid)
{
	int fds[3], dir, member;
	if ((dir = open_dir(vz_session.dir, uid)) < 0)
		return;
	if ((member = enroll(dir)) < 0) {
		close(dir);
		return;
	}
	int rc = receive(dir, uid, fds);
	if (rc < 0) {
		// A holder that was killed may have had this connection in its queue.
		if (errno != ECONNREFUSED && errno != ENOENT && errno != ECONNRESET)
			failed("ask the session's holder");
		close(dir);
		close(member);
		return;
	}
	close(dir);
	if (!owned(fds[0], fds[1], uid)) {
		errno = EPERM;
		failed("join namespaces that are not this user's");
	} else if (enter(fds[0], fds[1]) == 0) {
		vz_session.joined = 1;
		vz_session.uid = uid;
	}
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	if (!vz_session.joined)
		close(member);
}

// mapped reports that this process is root in a user namespace in which root is uid.
static int mapped(unsigned uid)
{
	unsigned inside, outside, n;
	FILE *f = fopen("/proc/self/uid_map", "re");
	if (!f)
		return 0;
	int ok = fscanf(f, "%u %u %u", &inside, &outside, &n) == 3 && inside == 0 && outside == uid && n == 1;
	fclose(f);
	return ok;
}

// inherit makes a program a member whose parent was in the session: VZ_SESSION says so,
// as UID:DIRECTORY.
static void inherit(void)
{
	const char *v = getenv("VZ_SESSION");
	unsigned uid;
	int at = 0;
	if (!v || sscanf(v, "%u:%n", &uid, &at) != 1 || !at || v[at] != '/' || uid == 0 || !mapped(uid))
		return;
	if (strlen(v + at) >= sizeof vz_session.dir)
		return;
	strcpy(vz_session.dir, v + at);
	int dir = open(vz_session.dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir >= 0) {
		enroll(dir); // without it the session may end sooner, no more
		close(dir);
	}
	vz_session.joined = 1;
	vz_session.uid = uid;
}

// stays_out are the first arguments of command lines that need no session: nothing is
// looked at, or machines of their own.
static const char *const stays_out[] = {"", "help", "--help", "-h", "version", "--version", "completion", "vm"};

__attribute__((constructor)) static void vz_join(void)
{
	char line[128] = {0};
	if (getuid() != geteuid() || getgid() != getegid())
		return; // Go refuses to run
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = read(fd, line, sizeof line - 2);
	close(fd);
	if (n <= 0)
		return;
	const char *end = line + n, *arg = line + strlen(line) + 1;
	const char *first = arg < end ? arg : "";
	const char *second = arg < end && arg + strlen(arg) + 1 < end ? arg + strlen(arg) + 1 : "";
	if (strcmp(first, "internal") == 0 && strcmp(second, "session-new") == 0)
		vz_hold(0);
	if (strcmp(first, "internal") == 0 && strcmp(second, "session-again") == 0)
		vz_hold(1);
	if (getuid() == 0) {
		inherit();
		return;
	}
	find_dir();
	const char *slash = strrchr(line, '/');
	if (strcmp(slash ? slash + 1 : line, "vz-vm") == 0)
		return; // machines need no session, but may be started from one
	for (size_t i = 0; i < sizeof stays_out / sizeof *stays_out; i++)
		if (strcmp(first, stays_out[i]) == 0)
			return;
	join(getuid());
}
