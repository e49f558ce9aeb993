// The reaper: process 1 of a container with --init.
//
// This code is never called here. It is compiled into a section of its own,
// whose bytes are the whole text of a small program (reaper_linux.go puts an ELF
// header before it). So it calls nothing, refers to no data, and works at any
// address: system calls and the stack only.
//
// Its arguments are "--" and the workload's own; without any it has no workload
// and only reaps. The paths to try for the workload's program are in its file,
// before the text.

#include "init_linux.h"

#include <asm/unistd.h>
#include <linux/prctl.h>
#include <linux/wait.h>
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/signal.h>

#pragma GCC optimize("no-tree-loop-distribute-patterns", "no-jump-tables")

#define INLINE static inline __attribute__((always_inline))
#define IN_PROGRAM __attribute__((section("vzinit"), used, noreturn))

INLINE long sys(long n, long a, long b, long c, long d, long e)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long ret;
	__asm__ volatile("syscall" : "=a"(ret) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
	return ret;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
#else
#error "the reaper knows amd64 and arm64"
#endif
}

// The entry: the kernel leaves argc, argv and envp on the stack.
#if defined(__x86_64__)
__asm__(".section vzinit,\"ax\",@progbits\n.globl vz_init_start\nvz_init_start:\n"
	"xor %ebp,%ebp\nmov %rsp,%rdi\nand $-16,%rsp\ncall vz_init_main\nhlt\n.text\n");
#else
__asm__(".section vzinit,\"ax\",@progbits\n.globl vz_init_start\nvz_init_start:\n"
	"mov x29,#0\nmov x30,#0\nmov x0,sp\nbl vz_init_main\nbrk #0\n.text\n");
#endif

INLINE void quit(int code)
{
	for (;;)
		sys(__NR_exit_group, code, 0, 0, 0, 0);
}

// become turns the child into the workload, in a process group of its own and
// in the foreground of the terminal, if there is one.
INLINE void become(char **argv, char **envp)
{
	unsigned long none = 0;
	int pid = sys(__NR_getpid, 0, 0, 0, 0, 0), denied = 0;
	sys(__NR_setpgid, 0, 0, 0, 0, 0);
	sys(__NR_ioctl, 0, TIOCSPGRP, (long)&pid, 0, 0);
	sys(__NR_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, 8, 0);
	for (const char *p = (const char *)VZ_INIT_PATHS; *p; p++) {
		if (sys(__NR_execve, (long)p, (long)(argv + 2), (long)envp, 0, 0) != -ENOENT)
			denied = 1;
		while (*p)
			p++;
	}
	quit(denied ? 126 : 127);
}

// reap takes the end of every child and leaves with that of the workload.
INLINE void reap(int pid)
{
	for (;;) {
		int ws = 0;
		long got = sys(__NR_wait4, -1, (long)&ws, WNOHANG, 0, 0);
		if (got == -EINTR)
			continue;
		if (got <= 0)
			return;
		if (got == pid)
			quit(ws & 0x7f ? 128 + (ws & 0x7f) : (ws >> 8) & 0xff);
	}
}

// idle waits for a signal that would end a program, and ends as if it had.
INLINE void idle(unsigned long all)
{
	for (;;) {
		long sig = sys(__NR_rt_sigtimedwait, (long)&all, 0, 0, 8, 0);
		if (sig == SIGCHLD)
			reap(0);
		else if (sig > 0 && sig != SIGCONT && sig != SIGURG && sig != SIGWINCH &&
			 sig != SIGTSTP && sig != SIGTTIN && sig != SIGTTOU)
			quit(128 + sig);
	}
}

IN_PROGRAM void vz_init_main(long *sp)
{
	char **argv = (char **)(sp + 1), **envp = argv + sp[0] + 1;
	unsigned long all = ~0UL;
	sys(__NR_rt_sigprocmask, SIG_SETMASK, (long)&all, 0, 8, 0);
	sys(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (sp[0] < 2)
		idle(all);
	long pid = sys(__NR_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		quit(126);
	if (pid == 0)
		become(argv, envp);
	for (;;) {
		long sig = sys(__NR_rt_sigtimedwait, (long)&all, 0, 0, 8, 0);
		if (sig == SIGCHLD)
			reap(pid);
		else if (sig > 0 && sig != SIGTTIN && sig != SIGTTOU)
			sys(__NR_kill, pid, sig, 0, 0, 0);
	}
}

extern const unsigned char __start_vzinit[], __stop_vzinit[];
extern const unsigned char vz_init_start[];

const void *vz_init_text(unsigned long *size, unsigned long *entry)
{
	*size = __stop_vzinit - __start_vzinit;
	*entry = vz_init_start - __start_vzinit;
	return __start_vzinit;
}
