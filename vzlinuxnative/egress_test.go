//go:build linux

package vzlinuxnative_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzlinuxnative/internal/testreq"
)

// TestEgressAround: who shares the network of a container with an egress policy, or is
// run in it, gets no rights to get around that.
func TestEgressAround(t *testing.T) {
	testreq.Net(t)
	b := newHome(t).open(t)
	ctx := t.Context()
	config := func(mode string) vzcontract.RunConfig {
		return vzcontract.RunConfig{Rootfs: conformance.BusyboxRoot(t, busybox(t)), NetworkMode: mode, Args: []string{"sleep", "1000"}}
	}
	create := func(cfg vzcontract.RunConfig) string {
		t.Helper()
		info, err := b.Create(ctx, cfg)
		require.NoError(t, err)
		t.Cleanup(func() {
			require.NoError(t, b.Remove(context.Background(), info.ID, vzcontract.RemoveOptions{Force: true}))
		})
		return info.ID
	}
	start := func(id string) error {
		_, err := b.Start(ctx, id, vzcontract.StartOptions{})
		return err
	}
	held := config("none")
	held.Egress = &vzcontract.EgressPolicy{}
	admin := held
	admin.Security.CapAdd = []string{"NET_ADMIN"}
	_, err := b.Create(ctx, admin)
	require.ErrorIs(t, err, vzcontract.ErrUnsupported)

	first := create(held)
	require.NoError(t, start(first))
	second := create(config("container:" + first))
	require.NoError(t, start(second))
	for _, id := range []string{first, second} {
		with := config("container:" + id)
		with.Security.CapAdd = []string{"NET_ADMIN"}
		require.ErrorIs(t, start(create(with)), vzcontract.ErrUnsupported)
		_, err := b.Exec(ctx, id, vzcontract.ExecConfig{Args: []string{"true"}, Privileged: true})
		require.ErrorIs(t, err, vzcontract.ErrUnsupported)
	}
	free := create(config("none"))
	require.NoError(t, start(free))
	s, err := b.Exec(ctx, free, vzcontract.ExecConfig{Args: []string{"true"}, Privileged: true})
	require.NoError(t, err)
	_, err = s.Wait(ctx)
	require.NoError(t, err)
	require.NoError(t, s.Close())
}
