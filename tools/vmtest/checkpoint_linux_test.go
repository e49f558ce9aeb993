package vmtest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzoci/vmbackend"
	"vz.internal/vzoci/vmbackend/owner"
)

// A kept is a container whose machine is killed now and then.
type kept struct {
	*vmbackend.Backend
	home, id string
}

// in runs a shell script in a container and returns what it prints.
func (k *kept) in(t *testing.T, container, script string) string {
	t.Helper()
	var out bytes.Buffer
	s, err := k.Exec(t.Context(), container, vzcontract.ExecConfig{
		Args: []string{"sh", "-c", "exec 2>&1; " + script}, Stdio: vzcontract.Stdio{Out: &out},
	})
	require.NoError(t, err)
	exit, err := s.Wait(t.Context())
	require.NoError(t, err)
	require.Zero(t, exit.Code, out.String())
	return out.String()
}

func (k *kept) start(t *testing.T, container string) {
	t.Helper()
	_, err := k.Start(t.Context(), container, vzcontract.StartOptions{})
	require.NoError(t, err)
}

func (k *kept) stop(t *testing.T, container string) {
	t.Helper()
	require.NoError(t, k.Stop(t.Context(), container, vzcontract.StopOptions{Signal: "KILL"}))
}

// killMachine ends the only machine, whose container runs, as a killed owner does.
func (k *kept) killMachine(t *testing.T) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, at := range all {
		line, _ := os.ReadFile(at)
		if !strings.HasPrefix(filepath.Base(string(bytes.Split(line, []byte{0})[0])), "qemu-system") || !bytes.Contains(line, []byte(k.home)) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(at)))
		require.NoError(t, err)
		require.NoError(t, unix.Kill(pid, unix.SIGKILL))
		require.Eventually(t, func() bool {
			info, err := k.Inspect(t.Context(), k.id)
			return err == nil && info.State == vzcontract.StateStopped
		}, BootTime, 10*time.Millisecond)
		return
	}
	t.Fatal("no machine runs")
}

// keep starts a container whose root is one of busybox.
func keep(t *testing.T) *kept {
	t.Helper()
	needContainers(t)
	needTime(t, 5*time.Minute)
	opts := containerOptions(t, "x86_64", 5*time.Second)
	b, err := vmbackend.Open(opts)
	require.NoError(t, err)
	info, err := b.Create(t.Context(), vzcontract.RunConfig{
		Name: "first", Rootfs: conformance.BusyboxRoot(t, busybox), Args: []string{"sleep", "100000"}, NetworkMode: "none",
	})
	require.NoError(t, err)
	k := &kept{Backend: b, home: opts.Home, id: info.ID}
	k.start(t, k.id)
	return k
}

// TestCheckpoint keeps, restores and forks a container in each state, with what only an
// overlay can tell: files and directories of the image that are gone or replaced.
func TestCheckpoint(t *testing.T) {
	k := keep(t)
	ctx := t.Context()
	const look = "cat /root/new; ls /etc; ls /bin/busybox"
	k.in(t, k.id, "echo 1 > /root/new; rm -rf /etc; mkdir /etc; echo x > /etc/mine; mknod /root/pipe p; ln /root/new /root/link")
	want := k.in(t, k.id, look)
	require.Contains(t, want, "mine")

	// One that runs goes on: a program in it does not notice.
	var out bytes.Buffer
	counter, err := k.Exec(ctx, k.id, vzcontract.ExecConfig{
		Args: []string{"sh", "-c", "i=0; while [ ! -e /root/enough ]; do i=$((i+1)); echo $i > /root/count; done; cat /root/count"}, Stdio: vzcontract.Stdio{Out: &out},
	})
	require.NoError(t, err)
	begin := time.Now()
	require.NoError(t, k.Checkpoint(ctx, k.id, "running", vzcontract.CheckpointFiles))
	kept := time.Since(begin)
	require.NoError(t, k.Pause(ctx, k.id))
	require.NoError(t, k.Checkpoint(ctx, k.id, "paused", vzcontract.CheckpointFiles))
	require.NoError(t, k.Resume(ctx, k.id))
	begin = time.Now()
	fork, err := k.Fork(ctx, k.id, "running", "second")
	require.NoError(t, err)
	t.Logf("a checkpoint of few files took %v, a fork %v", kept, time.Since(begin))
	k.in(t, k.id, "touch /root/enough")
	exit, err := counter.Wait(ctx)
	require.NoError(t, err)
	require.Zero(t, exit.Code)
	require.NotEmpty(t, out.String())

	k.start(t, fork.ID)
	require.Equal(t, want, k.in(t, fork.ID, look))
	require.Equal(t, "2\n", k.in(t, fork.ID, "stat -c %h /root/link"))
	require.NoError(t, k.Remove(ctx, fork.ID, vzcontract.RemoveOptions{Force: true}))

	k.in(t, k.id, "rm -rf /root/new /etc/mine; echo y > /etc/other")
	require.ErrorIs(t, k.Restore(ctx, k.id, "paused"), vzcontract.ErrConflict)
	k.stop(t, k.id)
	require.NoError(t, k.Checkpoint(ctx, k.id, "stopped", vzcontract.CheckpointFiles))
	require.NoError(t, k.Restore(ctx, k.id, "paused"))
	k.start(t, k.id)
	require.Equal(t, want, k.in(t, k.id, look))
	k.stop(t, k.id)
	require.NoError(t, k.Restore(ctx, k.id, "stopped"))
	k.start(t, k.id)
	require.Contains(t, k.in(t, k.id, "ls /etc"), "other")
	require.NoError(t, k.Remove(ctx, k.id, vzcontract.RemoveOptions{Force: true}))
}

// TestCheckpointKilled kills the machine at many moments of a checkpoint. The container
// starts again, and the checkpoint is there as a whole or not at all.
func TestCheckpointKilled(t *testing.T) {
	k := keep(t)
	ctx := t.Context()
	k.in(t, k.id, "cd /root; i=0; while [ $i -lt 200 ]; do i=$((i+1)); head -c 100000 /dev/urandom > part.$i; done; sha1sum part.* > sums")
	begin := time.Now()
	require.NoError(t, k.Checkpoint(ctx, k.id, "whole", vzcontract.CheckpointFiles))
	took := time.Since(begin)
	rounds, err := strconv.Atoi(os.Getenv("VZ_VMTEST_KILLS"))
	if err != nil {
		rounds = 3
	}
	whole := 0
	for i := range rounds {
		name := "k" + strconv.Itoa(i)
		made := make(chan error, 1)
		go func() { made <- k.Checkpoint(ctx, k.id, name, vzcontract.CheckpointFiles) }()
		at := took * time.Duration(i+1) / time.Duration(rounds)
		if i == rounds-1 {
			at = BootTime // just after it was said to be there
		}
		var told error
		select {
		case told = <-made:
			require.NoError(t, told)
			k.killMachine(t)
		case <-time.After(at):
			k.killMachine(t)
			told = <-made
		}
		k.start(t, k.id) // which boots it anew
		k.in(t, k.id, "cd /root; sha1sum -c sums >/dev/null; rm part.*")
		k.stop(t, k.id)
		err := k.Restore(ctx, k.id, name)
		if errors.Is(err, vzcontract.ErrNotFound) {
			require.Error(t, told, "it was said to be there")
			require.NoError(t, k.Restore(ctx, k.id, "whole"))
		} else {
			require.NoError(t, err)
			whole++
		}
		k.start(t, k.id)
		k.in(t, k.id, "cd /root; sha1sum -c sums >/dev/null")
	}
	t.Logf("a checkpoint takes %v; of %d that were killed %d were made", took, rounds, whole)
	require.NoError(t, k.Remove(context.WithoutCancel(ctx), k.id, vzcontract.RemoveOptions{Force: true}))
}

// TestHold keeps a disk from changing. Who writes waits, also the agent when it writes a
// container down, and goes on when it is released.
func TestHold(t *testing.T) {
	needContainers(t)
	const path = "/var/lib/vz" // where the agent keeps its containers
	disk := config.Disk{ID: "state", Path: filepath.Join(t.TempDir(), "disk"), Sync: config.SyncNone}
	require.NoError(t, owner.MakeDisk(t.Context(), disk.Path, 1<<30))
	cfg := Config(t, "x86_64")
	cfg.Disks = []config.Disk{disk}
	g := Start(t, "x86_64", cfg)
	ctx, cancel := context.WithTimeout(t.Context(), BootTime)
	defer cancel()
	call := func(method string, in any) error { return g.Agent.Call(ctx, method, in, nil) }
	require.NoError(t, call(agentproto.MethodMount, agentproto.MountRequest{Kind: "ext4", Tag: disk.ID, Path: path}))
	at := agentproto.FileRequest{Path: path}
	require.ErrorIs(t, call(agentproto.MethodRelease, at), vzcontract.ErrConflict)
	create := vzcontract.RunConfig{Rootfs: "/", NetworkMode: "none", Args: []string{"/init"}}
	require.NoError(t, call(agentproto.MethodContainerCreate, create))

	require.NoError(t, call(agentproto.MethodHold, at))
	require.ErrorIs(t, call(agentproto.MethodHold, at), vzcontract.ErrConflict)
	made := make(chan error, 3)
	for range cap(made) {
		go func() { made <- call(agentproto.MethodContainerCreate, create) }()
	}
	require.NoError(t, vzcore.CopyDisk(ctx, disk.Path+".copy", disk.Path))
	out, err := exec.Command("e2fsck", "-fn", disk.Path+".copy").CombinedOutput()
	require.NoError(t, err, "the copy needs no repair: %s", out)
	select {
	case err := <-made:
		t.Fatalf("a container was made on a disk that is held: %v", err)
	default:
	}
	require.NoError(t, call(agentproto.MethodRelease, at))
	for range cap(made) {
		require.NoError(t, <-made)
	}
}
