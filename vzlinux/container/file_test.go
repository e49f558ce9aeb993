//go:build linux || darwin

package container_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/internal/agent"
)

// TestOlderAgent asks an agent that knows nothing of single files.
func TestOlderAgent(t *testing.T) {
	older := map[string]agent.Method{
		agentproto.MethodContainerListDir: nil, agentproto.MethodContainerMakeDir: nil,
		agentproto.MethodContainerRemovePath: nil, agentproto.MethodContainerMovePath: nil,
	}
	r := remoteOf(t, &agent.Agent{
		Version: "0.0.9", Log: slog.New(slog.DiscardHandler), Containers: &agent.Containers{Backend: fake.New()}, Replace: older,
	})
	defer func() { require.NoError(t, r.Close()) }()
	_, err := r.ListDir(t.Context(), "c", "/")
	for _, err := range []error{
		err, r.MakeDir(t.Context(), "c", "/x", 0o755), r.RemovePath(t.Context(), "c", "/x"), r.MovePath(t.Context(), "c", "/x", "/y"),
	} {
		require.ErrorIs(t, err, vzcontract.ErrUnsupported)
		require.ErrorContains(t, err, "the guest agent 0.0.9 does not know the request")
	}
}

// A listing backend lists what it is told to.
type listing struct {
	*fake.Backend
	list []vzcontract.PathStat
}

// ListDir implements vzcontract.FileManager.
func (l *listing) ListDir(context.Context, string, string) ([]vzcontract.PathStat, error) {
	return l.list, nil
}

func TestListDir(t *testing.T) {
	b := &listing{Backend: fake.New()}
	r := remote(t, b)
	defer func() { require.NoError(t, r.Close()) }()
	b.list = make([]vzcontract.PathStat, vzcontract.MaxDirEntries+1)
	_, err := r.ListDir(t.Context(), "c", "/")
	require.ErrorIs(t, err, vzcontract.ErrInternal)
	b.list = b.list[1:]
	got, err := r.ListDir(t.Context(), "c", "/")
	require.NoError(t, err)
	require.Len(t, got, vzcontract.MaxDirEntries)
	b.list = []vzcontract.PathStat{
		{Name: "\xff", LinkTarget: "a\n\xfe", Mode: 0o644, Size: 1 << 40, ModTime: time.Unix(0, 0).UTC()},
		{Name: "late", ModTime: time.Unix(1<<40, 0)},
	}
	got, err = r.ListDir(t.Context(), "c", "/")
	require.NoError(t, err)
	require.Equal(t, []vzcontract.PathStat{b.list[0], {Name: "late"}}, got)
}
