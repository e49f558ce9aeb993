// usage: floor LOWER PREFIX PROGRAM
// Runs PROGRAM in new namespaces on an overlay of LOWER, with PREFIXupper,
// PREFIXwork and PREFIXmerged, and exits with its status. No cgroup, no filter,
// no capability is touched: nothing can start a container in less.
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char stack[65536] __attribute__((aligned(16)));
static char **arguments;

static void need(int ok, const char *what) {
	if (!ok) {
		perror(what);
		_exit(125);
	}
}

static int child(void *unused) {
	char options[4096], merged[1024];
	const char *prefix = arguments[2];
	char *argv[] = {arguments[3], NULL}, *env[] = {"PATH=/bin", NULL};
	(void)unused;
	snprintf(options, sizeof options, "lowerdir=%s,upperdir=%supper,workdir=%swork", arguments[1], prefix, prefix);
	snprintf(merged, sizeof merged, "%smerged", prefix);
	need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private");
	need(mount("overlay", merged, "overlay", 0, options) == 0, "overlay");
	need(chdir(merged) == 0, "chdir");
	need(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0, "proc");
	need(mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "size=64k,mode=755") == 0, "dev");
	need(syscall(SYS_pivot_root, ".", ".") == 0, "pivot_root");
	need(umount2(".", MNT_DETACH) == 0, "umount");
	execve(arguments[3], argv, env);
	return 127;
}

int main(int argc, char **argv) {
	int status;
	need(argc == 4, "usage");
	arguments = argv;
	pid_t pid = clone(child, stack + sizeof stack,
		CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_VFORK | CLONE_VM | SIGCHLD, NULL);
	need(pid > 0, "clone");
	need(waitpid(pid, &status, 0) == pid, "wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
