package vzlinux

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// bundleIn writes a bundle for x86_64 after change has had its way with it.
func bundleIn(t *testing.T, dir string, change func(*BundleVersion)) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	v := BundleVersion{
		Kernel: "6", Arch: "x86_64", MinRevision: agentproto.MinRevision, MaxRevision: agentproto.MaxRevision,
		Capabilities: []string{"init"}, SHA256: map[string]string{},
	}
	for _, name := range []string{"vmlinux", InitramfsFile} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644))
		sum := sha256.Sum256([]byte(name))
		v.SHA256[name] = hex.EncodeToString(sum[:])
	}
	change(&v)
	text, err := json.Marshal(v)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, VersionFile), text, 0o644))
}

func TestOpenBundle(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*BundleVersion)
		need    []string
		want    error
		message string
	}{
		{name: "good", change: func(*BundleVersion) {}, need: []string{"init"}},
		{name: "another architecture", change: func(v *BundleVersion) { v.Arch = "arm64" }, want: vzcontract.ErrUnsupported, message: "is for arm64, not x86_64"},
		{name: "newer agent", change: func(v *BundleVersion) { v.MinRevision, v.MaxRevision = 98, 99 }, want: agentproto.ErrRevision, message: "update vz on the host"},
		{name: "older agent", change: func(v *BundleVersion) { v.MinRevision, v.MaxRevision = 0, 0 }, want: agentproto.ErrRevision},
		{name: "a capability", change: func(*BundleVersion) {}, need: []string{"fly"}, want: vzcontract.ErrUnsupported, message: `cannot do "fly"`},
		{name: "another kernel", change: func(v *BundleVersion) { v.SHA256["vmlinux"] = "00" }, want: ErrDigest, message: "vmlinux"},
		{name: "no digest", change: func(v *BundleVersion) { delete(v.SHA256, InitramfsFile) }, want: ErrDigest, message: "initramfs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			bundleIn(t, dir, tt.change)
			_, err := OpenBundle(dir, "x86_64", tt.need...)
			require.ErrorIs(t, err, tt.want)
			if tt.message != "" {
				require.ErrorContains(t, err, tt.message)
			}
		})
	}
	_, err := OpenBundle(t.TempDir(), "x86_64")
	require.ErrorIs(t, err, ErrNoBundle)
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, VersionFile), []byte("{"), 0o644))
	_, err = OpenBundle(dir, "x86_64")
	require.ErrorIs(t, err, vzcontract.ErrValidation)
}

func TestFindBundle(t *testing.T) {
	tree := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(tree, "go.work"), nil, 0o644))
	require.NoError(t, os.MkdirAll(filepath.Join(tree, "a", "b"), 0o755))
	t.Chdir(filepath.Join(tree, "a", "b"))
	t.Setenv("VZ_LINUX_BUNDLE_DIR", "")
	_, err := FindBundle("", "x86_64", "test")
	require.ErrorIs(t, err, ErrNoBundle)
	require.ErrorContains(t, err, "make -C kernel build ARCH=x86_64")

	good := func(*BundleVersion) {}
	inTree, inEnv, explicit := filepath.Join(tree, "kernel", "out", "x86_64-test"), t.TempDir(), t.TempDir()
	bundleIn(t, inTree, good)
	b, err := FindBundle("", "x86_64", "test")
	require.NoError(t, err)
	require.Equal(t, filepath.Join(inTree, "vmlinux"), b.Kernel())

	// The environment goes first, also if what it names is no good.
	t.Setenv("VZ_LINUX_BUNDLE_DIR", inEnv)
	_, err = FindBundle("", "x86_64", "test")
	require.ErrorIs(t, err, ErrNoBundle)
	bundleIn(t, inEnv, good)
	bundleIn(t, explicit, good)
	b, err = FindBundle("", "x86_64", "test")
	require.NoError(t, err)
	require.Equal(t, inEnv, b.Dir)
	b, err = FindBundle(explicit, "x86_64", "test")
	require.NoError(t, err)
	require.Equal(t, explicit, b.Dir)
}
