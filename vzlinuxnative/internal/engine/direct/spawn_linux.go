package direct

// #cgo CFLAGS: -O2 -Wall -Wextra
// #include "child_linux.h"
import "C"

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// spawnConfig says how the child is cloned.
type spawnConfig struct {
	flags  uint64   // namespaces
	cgroup *os.File // for CLONE_INTO_CGROUP; nil is none
	pidns  *os.File // pid namespace to be born in; nil is flags' or ours
}

// A child is a cloned process that runs a plan.
type child struct {
	pid     int
	pidfd   *os.File
	sock    *os.File
	console *os.File
	plan    *plan
}

// spawn clones a child and lets it run p up to opReady.
func spawn(ctx context.Context, cfg spawnConfig, p *plan) (*child, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socketpair: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "child")
	defer theirs.Close()
	c := &child{sock: os.NewFile(uintptr(pair[0]), "parent"), plan: p}
	cgroup, pidns := -1, -1
	if cfg.cgroup != nil {
		cgroup = int(cfg.cgroup.Fd())
	}
	if cfg.pidns != nil {
		pidns = int(cfg.pidns.Fd())
	}
	var pidfd C.int
	runtime.LockOSThread()
	pid := int(C.vz_spawn(C.uint64_t(cfg.flags), C.int(cgroup), C.int(pidns), C.int(pair[1]),
		unsafe.Pointer(&p.buf[0]), C.size_t(len(p.buf)), &pidfd))
	runtime.UnlockOSThread()
	runtime.KeepAlive(cfg)
	if pid < 0 {
		c.sock.Close()
		return nil, fmt.Errorf("clone: %w", unix.Errno(-pid))
	}
	c.pid, c.pidfd = pid, os.NewFile(uintptr(pidfd), "pidfd")
	theirs.Close()
	if err := c.await(ctx, false); err != nil {
		c.abort()
		return nil, err
	}
	return c, nil
}

// release lets the child go on from opReady and returns when it has executed
// its program.
func (c *child) release(ctx context.Context) error {
	if _, err := unix.Write(int(c.sock.Fd()), []byte{1}); err != nil {
		return fmt.Errorf("release child: %w", err)
	}
	return c.await(ctx, true)
}

// await handles the child's messages until it is ready or, with exec, until
// its end of the socket closed by exec.
func (c *child) await(ctx context.Context, exec bool) error {
	stop := context.AfterFunc(ctx, func() { c.kill() })
	defer stop()
	msg, oob := make([]byte, 16), make([]byte, unix.CmsgSpace(4))
	for {
		n, oobn, _, _, err := unix.Recvmsg(int(c.sock.Fd()), msg, oob, unix.MSG_CMSG_CLOEXEC)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("hear from child: %w", err)
		case ctx.Err() != nil:
			return ctx.Err()
		case n == 0 && exec:
			// Exec closed the child's end. So does a deadly signal, which
			// its wait status tells.
			return nil
		case n == 0:
			return fmt.Errorf("child was killed: %w", io.ErrUnexpectedEOF)
		}
		switch msg[0] {
		case 'R':
			return nil
		case 'C':
			if c.console, err = receivedFile(oob[:oobn]); err != nil {
				return err
			}
		case 'E':
			i := binary.NativeEndian.Uint32(msg[1:])
			e := &stepError{errno: unix.Errno(binary.NativeEndian.Uint32(msg[5:]))}
			if int(i) < len(c.plan.words) {
				e.words, e.op = c.plan.words[i], c.plan.ops[i]
			}
			return e
		}
	}
}

func receivedFile(oob []byte) (*os.File, error) {
	ms, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(ms) != 1 {
		return nil, fmt.Errorf("receive console: %w", errors.Join(err, unix.EBADMSG))
	}
	fds, err := unix.ParseUnixRights(&ms[0])
	if err != nil || len(fds) != 1 {
		return nil, fmt.Errorf("receive console: %w", errors.Join(err, unix.EBADMSG))
	}
	return os.NewFile(uintptr(fds[0]), "console"), nil
}

func (c *child) kill() { _ = unix.PidfdSendSignal(int(c.pidfd.Fd()), unix.SIGKILL, nil, 0) }

// wait reaps the child. It is called once.
func (c *child) wait() (unix.WaitStatus, error) {
	var ws unix.WaitStatus
	for {
		_, err := unix.Wait4(c.pid, &ws, unix.WALL, nil)
		if !errors.Is(err, unix.EINTR) {
			return ws, err
		}
	}
}

// abort ends and reaps a child that has not executed its program.
func (c *child) abort() {
	c.kill()
	_, _ = c.wait()
	c.close()
}

// close closes the parent's descriptors, the console left out.
func (c *child) close() {
	c.sock.Close()
	c.pidfd.Close()
}
