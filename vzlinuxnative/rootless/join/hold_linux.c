// The holder of a session: a process that keeps its namespaces between commands and
// hands them to who asks. It is a part of vz, before Go begins, and small for that.
//
// Descriptors: 3 is a socket to who starts it, 4 the session's directory. One that takes
// the place of a holder that was killed gets the user namespace as 5 and the network
// namespace, where there is one, as 6. Whatever else who starts this has left open is
// somebody else's.

#define _GNU_SOURCE
#include "join_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { TELL = 3, DIR_FD = 4, USER = 5, NET = 6 };

// A session without members lives for some seconds more, for the next command.
#define LINGER 2

static int members;

static void give_up(const char *step)
{
	char text[256];
	int n = snprintf(text, sizeof text, "E%d %s", errno, step);
	if (write(TELL, text, n) < 0)
		_exit(2);
	_exit(1);
}

// new_user makes the user namespace; who started this writes its maps.
static void new_user(void)
{
	char go;
	if (unshare(CLONE_NEWUSER) < 0)
		give_up("make a user namespace");
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); // so that the maps can be written from outside
	if (write(TELL, "U", 1) != 1 || read(TELL, &go, 1) != 1)
		_exit(1);
}

static void *await_members(void *unused)
{
	for (;;) {
		while (flock(members, LOCK_EX) < 0)
			if (errno != EINTR)
				_exit(1);
		flock(members, LOCK_UN);
		nanosleep(&(struct timespec){.tv_sec = LINGER}, NULL);
		if (flock(members, LOCK_EX | LOCK_NB) == 0) {
			// Who comes now waits for this lock, and finds nobody listening.
			unlinkat(DIR_FD, "socket", 0);
			_exit(0);
		}
	}
	return unused;
}

static int listener(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		give_up("make a socket");
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/socket", DIR_FD);
	if (unlinkat(DIR_FD, "socket", 0) < 0 && errno != ENOENT)
		give_up("remove the socket of an earlier session");
	if (bind(s, (struct sockaddr *)&a, sizeof a) < 0 || listen(s, 64) < 0)
		give_up("listen for members");
	return s;
}

static int namespace_of(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		give_up(name);
	return fd;
}

static void hand_out(int c, const int fds[3])
{
	char ctl[CMSG_SPACE(3 * sizeof(int))] = {0};
	struct iovec iov = {"F", 1};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl};
	struct ucred peer;
	socklen_t len = sizeof peer;
	if (getsockopt(c, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid != 0)
		return;
	struct cmsghdr *m = CMSG_FIRSTHDR(&h);
	m->cmsg_level = SOL_SOCKET;
	m->cmsg_type = SCM_RIGHTS;
	m->cmsg_len = CMSG_LEN(3 * sizeof(int));
	memcpy(CMSG_DATA(m), fds, 3 * sizeof(int));
	sendmsg(c, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void vz_hold(int again)
{
	pthread_t t;
	int fds[3], s, net;
	if (syscall(SYS_close_range, again ? NET + 1 : DIR_FD + 1, ~0U, 0) < 0)
		give_up("close descriptors");
	if (setsid() < 0)
		give_up("make a session");
	if (again) {
		if (setns(USER, CLONE_NEWUSER) < 0)
			give_up("join the user namespace of a running container's monitor");
	} else {
		new_user();
	}
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		give_up("become root in the user namespace");
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	net = again && ioctl(NET, NS_GET_NSTYPE) == CLONE_NEWNET;
	if (unshare(CLONE_NEWNS | (net ? 0 : CLONE_NEWNET)) < 0)
		give_up("make a mount and a network namespace");
	if (net && setns(NET, CLONE_NEWNET) < 0)
		give_up("join the network namespace of the session");
	if (mount("", "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		give_up("keep mounts apart from the host's");
	fds[0] = namespace_of("/proc/self/ns/user");
	fds[1] = namespace_of("/proc/self/ns/mnt");
	fds[2] = namespace_of("/proc/self/ns/net");
	members = openat(DIR_FD, "members", O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (members < 0)
		give_up("open the list of members");
	s = listener();
	if (chdir("/") < 0)
		give_up("leave the working directory");
	prctl(PR_SET_NAME, "vz:session", 0, 0, 0);
	if (write(TELL, "R", 1) != 1)
		_exit(1);
	close(TELL);
	if (pthread_create(&t, NULL, await_members, NULL) != 0)
		_exit(1);
	for (;;) {
		int c = accept4(s, NULL, NULL, SOCK_CLOEXEC);
		if (c < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
				nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
			continue;
		}
		hand_out(c, fds);
		close(c);
	}
}
