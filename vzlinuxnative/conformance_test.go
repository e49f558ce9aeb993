//go:build linux

package vzlinuxnative_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzlinuxnative"
	"vz.internal/vzlinuxnative/internal/testreq"
)

// TestMain lets the test program be the monitor of the tests' containers.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "internal" && os.Args[2] == "monitor" {
		os.Exit(vzlinuxnative.MonitorMain(os.Args[3:]))
	}
	if err := enterSession(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if dirs, ok := os.LookupEnv(lifeVariable); ok {
		d := strings.Split(dirs, ":")
		if err := life(d[0], d[1], d[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func busybox(t *testing.T) string {
	t.Helper()
	const path = "/bin/busybox"
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs a static busybox (package busybox-static): %v", err)
	}
	return path
}

// A traced backend remembers the ids of all its containers: others may run
// containers meanwhile, and what they have is no leak.
type traced struct {
	*vzlinuxnative.Backend
	ids *sync.Map
}

func (b traced) Create(ctx context.Context, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
	info, err := b.Backend.Create(ctx, cfg)
	if err == nil {
		b.ids.Store(info.ID, true)
	}
	return info, err
}

// alone keeps other processes with this test away: the suite's networks have
// fixed addresses.
func alone(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "vz-conformance.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	require.NoError(t, unix.Flock(int(f.Fd()), unix.LOCK_EX))
}

// TestConformance runs the suite that every backend passes.
func TestConformance(t *testing.T) {
	testreq.Root(t)
	alone(t)
	root, base := conformance.BusyboxRoot(t, busybox(t)), t.TempDir()
	var ids sync.Map
	conformance.TestBackend(t, conformance.Config{
		New: func(t *testing.T) vzcontract.RuntimeBackend {
			dir, err := os.MkdirTemp(base, "backend")
			require.NoError(t, err)
			b := home{dir, dir + "/run"}.open(t)
			t.Cleanup(func() { // after the suite has removed everything
				left, err := b.Repair(context.Background())
				require.NoError(t, err)
				require.Empty(t, left, "interfaces, addresses, ports or files are left")
			})
			return traced{b, &ids}
		},
		Rootfs: func(*testing.T) string { return root },
		Skip:   withoutCgroups(),
		Probes: conformance.HostProbes(func(line string) (ours bool) {
			ids.Range(func(id, _ any) bool {
				ours = strings.Contains(line, id.(string))
				return !ours
			})
			return ours || strings.Contains(line, base)
		}),
	})
}
