//go:build linux || darwin

package vmbackend_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake"
	"vz.internal/vzlinux/container"
	"vz.internal/vzoci/vmbackend"
	records "vz.internal/vzoci/vmbackend/internal/guest"
	"vz.internal/vzoci/vmbackend/owner"
)

// checkpointed starts a container that writes, waits until it has, and keeps its files.
func checkpointed(t *testing.T, b *vmbackend.Backend, cfg vzcontract.RunConfig) vzcontract.ContainerInfo {
	t.Helper()
	cfg.Image, cfg.Args = fake.Builtin, []string{"sh", "-c", "cat /root/f; echo old > /root/f; echo ready; sleep 1000"}
	info, err := b.Create(t.Context(), cfg)
	require.NoError(t, err)
	_, err = b.Start(t.Context(), info.ID, vzcontract.StartOptions{})
	require.NoError(t, err)
	awaitLine(t, b, info.ID, "ready")
	require.NoError(t, b.Checkpoint(t.Context(), info.ID, "one", vzcontract.CheckpointFiles))
	return info
}

// awaitLine returns what a container has written when that includes the line.
func awaitLine(t *testing.T, b *vmbackend.Backend, id, line string) (lines []string) {
	t.Helper()
	seen := errors.New("seen")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := b.Logs(ctx, id, vzcontract.LogOptions{Tail: -1, Follow: true}, func(e vzcontract.LogEntry) error {
		lines = append(lines, strings.TrimSuffix(string(e.Line), "\n"))
		if lines[len(lines)-1] == line {
			return seen
		}
		return nil
	})
	require.ErrorIs(t, err, seen)
	return lines
}

// openStore is open that tells where the records are, once a machine has run.
func openStore(t *testing.T) (*vmbackend.Backend, func() records.Store) {
	var mu sync.Mutex
	var store records.Store
	b := open(t, func(opts *owner.Options) {
		mu.Lock()
		defer mu.Unlock()
		store = records.At(opts.Home, opts.Run)
	})
	return b, func() records.Store {
		mu.Lock()
		defer mu.Unlock()
		return store
	}
}

func TestForkOfOneThatRuns(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	began := time.Now()
	info := checkpointed(t, b, vzcontract.RunConfig{Name: "first", Hostname: "h", Labels: map[string]string{"l": "1"}})
	_, err := b.Update(ctx, info.ID, vzcontract.UpdateConfig{Resources: &vzcontract.Resources{Memory: 64 << 20}})
	require.NoError(t, err)

	fork, err := b.Fork(ctx, "first", "one", "second")
	require.NoError(t, err)
	require.Equal(t, "second", fork.Name)
	require.Equal(t, vzcontract.StateCreated, fork.State)
	require.NotEqual(t, info.ID, fork.ID)
	require.Equal(t, map[string]string{"l": "1"}, fork.Config.Labels)
	require.Equal(t, int64(64<<20), fork.Config.Resources.Memory, "the present limits")
	require.NotEqual(t, "h", fork.Config.Hostname)

	got, err := b.Inspect(ctx, "first")
	require.NoError(t, err)
	require.Equal(t, vzcontract.StateRunning, got.State, "the first one goes on")
	list, err := b.List(ctx)
	require.NoError(t, err)
	require.Len(t, list, 2)

	_, err = b.Start(ctx, "second", vzcontract.StartOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"old", "ready"}, awaitLine(t, b, "second", "ready"))

	// It lives on without the other one, whose name it may have then.
	require.NoError(t, b.Remove(ctx, "first", vzcontract.RemoveOptions{Force: true}))
	require.NoError(t, b.Rename(ctx, "second", "first"))
	_, err = b.Fork(ctx, "first", "one", "third")
	require.ErrorIs(t, err, vzcontract.ErrNotFound, "the checkpoint was the other one's")

	var destroyed []string
	require.NoError(t, b.Events(ctx, vzcontract.EventOptions{Since: began, Until: time.Now()}, func(e vzcontract.Event) error {
		if e.Action == "destroy" {
			destroyed = append(destroyed, e.ID)
		}
		return nil
	}))
	require.Equal(t, []string{info.ID}, destroyed, "once, when it was removed")
}

func TestForkInASharedMachine(t *testing.T) {
	b := open(t)
	boot(t, b, "m")
	info := checkpointed(t, b, vzcontract.RunConfig{SharedVM: "m", NetworkMode: "none"})
	fork, err := b.Fork(t.Context(), info.ID, "one", "second")
	require.NoError(t, err)
	require.Equal(t, "m", fork.Config.SharedVM)
	_, err = b.Start(t.Context(), fork.ID, vzcontract.StartOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"old", "ready"}, awaitLine(t, b, fork.ID, "ready"))
	require.NoError(t, b.Remove(t.Context(), info.ID, vzcontract.RemoveOptions{Force: true}))
	require.NoError(t, b.Remove(t.Context(), fork.ID, vzcontract.RemoveOptions{Force: true}))
	require.NoError(t, b.ShutdownSharedVM(t.Context(), "m"))
}

// TestForkThatFails leaves nothing but what was there.
func TestForkThatFails(t *testing.T) {
	b, store := openStore(t)
	ctx := t.Context()
	checkpointed(t, b, vzcontract.RunConfig{Name: "first"})
	nothingNew := func(why string) {
		t.Helper()
		ids, err := store().List()
		require.NoError(t, err)
		require.Len(t, ids, 1, why)
	}
	for _, tt := range []struct {
		what, ref, checkpoint, name string
		want                        error
	}{
		{"a name in use", "first", "one", "first", vzcontract.ErrConflict},
		{"an invalid name", "first", "one", "a/b", vzcontract.ErrValidation},
		{"a checkpoint that is not there", "first", "none", "second", vzcontract.ErrNotFound},
		{"an invalid name of a checkpoint", "first", "../one", "second", vzcontract.ErrValidation},
		{"no container", "nobody", "one", "second", vzcontract.ErrNotFound},
	} {
		_, err := b.Fork(ctx, tt.ref, tt.checkpoint, tt.name)
		require.ErrorIs(t, err, tt.want, tt.what)
		nothingNew(tt.what)
	}
	ids, err := store().List()
	require.NoError(t, err)
	disk := store().Disk(ids[0])
	require.NoError(t, os.Rename(disk, disk+".away"))
	_, err = b.Fork(ctx, "first", "one", "second")
	require.ErrorContains(t, err, "no such file")
	nothingNew("a disk that cannot be read")
	require.NoError(t, os.Rename(disk+".away", disk))
	_, err = b.Fork(ctx, "first", "one", "second")
	require.NoError(t, err, "nothing stands in the way of another try")
}

// TestForkInterrupted has the machine of a fork remove the container that came with its
// disk, if who forked it was killed before it could.
func TestForkInterrupted(t *testing.T) {
	b, store := openStore(t)
	ctx := t.Context()
	checkpointed(t, b, vzcontract.RunConfig{Name: "first"})
	_, err := b.Fork(ctx, "first", "one", "second")
	require.NoError(t, err)
	ids, err := store().List()
	require.NoError(t, err)
	for _, id := range ids {
		r, err := store().Open(id)
		require.NoError(t, err)
		if r.From == nil {
			continue
		}
		agent, err := store().DialAgent(ctx, id)
		require.NoError(t, err)
		inside := container.New(agent, container.Options{})
		came, err := inside.Create(ctx, vzcontract.RunConfig{Image: fake.Builtin, Args: []string{"true"}})
		require.NoError(t, err)
		require.NoError(t, agent.Close())
		require.NoError(t, b.Close()) // its connection with the machine that ends now
		control, err := store().Dial(ctx, id)
		require.NoError(t, err)
		require.NoError(t, control.Call(ctx, records.MethodStop, records.Stop{}, nil))
		_ = control.Close() // it went with the machine
		lock, err := store().Lock(ctx, id)
		require.NoError(t, err)
		r.From.Container = came.ID
		require.NoError(t, store().Save(r))
		require.NoError(t, lock.Close())

		_, err = b.Start(ctx, "second", vzcontract.StartOptions{})
		require.NoError(t, err)
		agent, err = store().DialAgent(ctx, id)
		require.NoError(t, err)
		list, err := container.New(agent, container.Options{}).List(ctx)
		require.NoError(t, err)
		require.NoError(t, agent.Close())
		require.Len(t, list, 1)
		require.Equal(t, "second", list[0].Name)
	}
}

func TestCheckpointRefuses(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	info := checkpointed(t, b, vzcontract.RunConfig{})
	err := b.Checkpoint(ctx, info.ID, "all", vzcontract.CheckpointFull)
	require.ErrorIs(t, err, vzcontract.ErrUnsupported)
	require.ErrorContains(t, err, "fs_quick")
	require.ErrorIs(t, b.Checkpoint(ctx, info.ID, "a/b", vzcontract.CheckpointFiles), vzcontract.ErrValidation)
	require.ErrorIs(t, b.Restore(ctx, info.ID, "one"), vzcontract.ErrConflict, "it runs")
	require.NoError(t, b.Pause(ctx, info.ID))
	require.NoError(t, b.Checkpoint(ctx, info.ID, "paused", vzcontract.CheckpointFiles))
	require.ErrorIs(t, b.Restore(ctx, info.ID, "one"), vzcontract.ErrConflict, "it is paused")
}

// TestMakingThatWasKilled gives the name of a container that was never made to another
// one, with the room that a copied disk took, but not that of one that is being made.
func TestMakingThatWasKilled(t *testing.T) {
	b, store := openStore(t)
	ctx := t.Context()
	first, err := b.Create(ctx, vzcontract.RunConfig{Image: fake.Builtin, Args: []string{"true"}})
	require.NoError(t, err)
	cfg := vzcontract.RunConfig{Name: "second", Image: fake.Builtin, Args: []string{"true"}}
	half := records.Record{ID: records.NewID(), Config: cfg, Run: cfg, From: &records.Origin{Container: first.ID}}
	require.NoError(t, store().Make(half))
	require.NoError(t, os.WriteFile(store().Disk(half.ID)+".new", []byte("half"), 0o600))

	making, err := store().TryMaking(half.ID)
	require.NoError(t, err)
	_, err = b.Create(ctx, cfg)
	require.ErrorIs(t, err, vzcontract.ErrConflict)
	require.NoError(t, making.Close())
	_, err = b.Create(ctx, cfg)
	require.NoError(t, err)
	require.NoDirExists(t, store().Dir(half.ID))
	list, err := b.List(ctx)
	require.NoError(t, err)
	require.Len(t, list, 2)
}
