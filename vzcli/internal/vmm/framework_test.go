package vmm

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/macos"
)

// fakeVariable has this program be the other side of a Framework: its value is the
// directory of places.
const fakeVariable = "VZ_TEST_FRAMEWORK"

func TestMain(m *testing.M) {
	slots := os.Getenv(fakeVariable)
	if slots == "" {
		os.Exit(m.Run())
	}
	open := func() (macos.Framework, error) {
		if slots == "closed" {
			return nil, macos.Absent("test")
		}
		return fakeFramework{}, nil
	}
	if err := ServeFramework(context.Background(), open, slots, os.Stdin, os.Stdout); err != nil {
		_, _ = os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
}

// A fakeFramework is one whose answers tell what it was asked.
type fakeFramework struct{}

func (fakeFramework) Latest(context.Context) (string, error) { return "https://x/y.ipsw", nil }

func (fakeFramework) Requirements(_ context.Context, path string) (macos.Requirements, error) {
	if path == "/wrong" {
		return macos.Requirements{}, vzcontract.Errorf(vzcontract.ErrValidation, "%s is wrong", path)
	}
	return macos.Requirements{HardwareModel: []byte(path), MinCPUs: 2, MinMemory: config.GiB}, nil
}

func (fakeFramework) Identify(_ context.Context, model []byte, path string) ([]byte, error) {
	return append(model, path...), nil
}

// Install waits for the end where the path says so.
func (fakeFramework) Install(ctx context.Context, machine config.Config, path string, progress func(float64)) error {
	progress(float64(machine.CPUs) / 4)
	if path == "/endless" {
		<-ctx.Done()
		return os.WriteFile(machine.Console.Log, []byte("ended"), 0o600)
	}
	return nil
}

func remote(t *testing.T, slots string) Framework {
	t.Helper()
	t.Setenv(fakeVariable, slots)
	self, err := os.Executable()
	require.NoError(t, err)
	return Framework{Program: self}
}

func TestFramework(t *testing.T) {
	slots := t.TempDir()
	f, ctx := remote(t, slots), t.Context()
	url, err := f.Latest(ctx)
	require.NoError(t, err)
	require.Equal(t, "https://x/y.ipsw", url)
	need, err := f.Requirements(ctx, "/ipsw")
	require.NoError(t, err)
	require.Equal(t, macos.Requirements{HardwareModel: []byte("/ipsw"), MinCPUs: 2, MinMemory: config.GiB}, need)
	_, err = f.Requirements(ctx, "/wrong")
	require.ErrorIs(t, err, vzcontract.ErrValidation)
	require.EqualError(t, err, "/wrong is wrong")
	id, err := f.Identify(ctx, []byte("model "), "/aux")
	require.NoError(t, err)
	require.Equal(t, "model /aux", string(id))

	var told []float64
	require.NoError(t, f.Install(ctx, config.Default(), "/ipsw", func(p float64) { told = append(told, p) }))
	require.Equal(t, []float64{0.5}, told)
	for _, name := range []string{"a", "b"} {
		slot, err := macos.Slot(slots, name)
		require.NoError(t, err)
		defer slot.Close()
	}
	err = f.Install(ctx, config.Default(), "/ipsw", nil)
	require.ErrorIs(t, err, vzcontract.ErrUnavailable)
	require.ErrorContains(t, err, "these run: a, b")
}

func TestFrameworkInterrupted(t *testing.T) {
	f := remote(t, t.TempDir())
	cfg := config.Default()
	cfg.Console.Log = filepath.Join(t.TempDir(), "log")
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("ctrl-C")
	err := f.Install(ctx, cfg, "/endless", func(float64) { cancel(why) })
	require.ErrorIs(t, err, why)
	require.FileExists(t, cfg.Console.Log, "the installation was told, not killed")
}

func TestFrameworkFails(t *testing.T) {
	_, err := remote(t, "closed").Latest(t.Context())
	require.ErrorIs(t, err, vzcontract.ErrUnsupported)
	_, err = Framework{Program: "/nowhere"}.Latest(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Framework{Program: "/bin/sh", Args: []string{"-c", "echo odd >&2; exit 3"}}.Latest(t.Context())
	require.ErrorIs(t, err, vzcontract.ErrUnavailable)
	require.ErrorContains(t, err, "exit status 3): odd")

	open := func() (macos.Framework, error) { return fakeFramework{}, nil }
	for _, text := range []string{`{"do":"x"}`, `{"do":"install"}`} {
		var out strings.Builder
		require.NoError(t, ServeFramework(t.Context(), open, t.TempDir(), strings.NewReader(text), &out))
		var a frameworkAnswer
		require.NoError(t, json.Unmarshal([]byte(out.String()), &a))
		require.Equal(t, vzcontract.CodeUnsupported, a.Code, text)
	}
	require.Error(t, ServeFramework(t.Context(), open, t.TempDir(), strings.NewReader("{"), io.Discard))
}
