package vm

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/vmrecord"
	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/macos"
)

// A fakeFramework installs nothing.
type fakeFramework struct{ fail error }

func (f fakeFramework) Latest(context.Context) (string, error) {
	return "http://127.0.0.1:1/x.ipsw", f.fail
}

func (f fakeFramework) Requirements(context.Context, string) (macos.Requirements, error) {
	return macos.Requirements{HardwareModel: []byte("model"), MinCPUs: 2, MinMemory: 4 * config.GiB}, nil
}

func (f fakeFramework) Identify(_ context.Context, _ []byte, path string) ([]byte, error) {
	return []byte("id"), os.WriteFile(path, []byte("aux"), 0o600)
}

func (f fakeFramework) Install(_ context.Context, _ config.Config, _ string, progress func(float64)) error {
	progress(0.25)
	return f.fail
}

// environment is one with directories of the test's.
func environment(t *testing.T) (*command.Env, vmrecord.Registry, *bytes.Buffer) {
	t.Helper()
	r := vmrecord.Registry{Home: t.TempDir(), Run: t.TempDir()}
	var out bytes.Buffer
	return &command.Env{Ctx: t.Context(), Stdout: &out, Stderr: &out, Open: func(command.Globals) (*command.Services, error) {
		return &command.Services{Home: r.Home, Run: r.Run}, nil
	}}, r, &out
}

func restoreImage(t *testing.T) string {
	t.Helper()
	const manifest = `<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>
		<key>ProductVersion</key><string>15.6.1</string><key>ProductBuildVersion</key><string>24G90</string>
		<key>SupportedProductTypes</key><array><string>VirtualMac2,1</string></array></dict></plist>`
	path := filepath.Join(t.TempDir(), "x.ipsw")
	out, err := os.Create(path)
	require.NoError(t, err)
	w := zip.NewWriter(out)
	part, err := w.Create("BuildManifest.plist")
	require.NoError(t, err)
	_, err = part.Write([]byte(manifest))
	require.NoError(t, errors.Join(err, w.Close(), out.Close()))
	return path
}

// roomy is a disk with room for macOS, whatever the test's has.
var roomy = macos.Spec{Free: func(string) (uint64, error) { return 1 << 40, nil }}

func guest(t *testing.T) *initCmd {
	t.Helper()
	return &initCmd{Name: "mac", CPUs: 4, Memory: "8g", Network: "user", Profile: "container", DiskSize: "64g", IPSW: restoreImage(t)}
}

func TestInstall(t *testing.T) {
	env, r, out := environment(t)
	c := guest(t)
	src := t.TempDir()
	c.Mount = []string{"src:" + src + ":ro", "out:" + src}
	require.NoError(t, c.install(env, r, fakeFramework{}, roomy))
	require.Equal(t, "installing macOS: 0%\ninstalling macOS: 10%\ninstalling macOS: 20%\n"+
		"macOS 15.6.1 is installed; sudo vz vm provision mac gives it a user and vz's agent, vz vm run mac starts it\nmac\n", out.String())
	rec, err := r.Open("mac")
	require.NoError(t, err)
	require.Equal(t, &vmrecord.MacOS{Version: "15.6.1", Build: "24G90"}, rec.MacOS)
	require.NoError(t, rec.Config.Validate())
	files := macos.Files{Dir: r.Dir("mac")}
	require.Equal(t, files.Disk(), rec.Config.Disks[0].Path)
	require.Equal(t, config.Platform{HardwareModel: []byte("model"), MachineID: []byte("id"), AuxiliaryStorage: files.Aux()}, rec.Config.Platform)
	require.Equal(t, []config.Share{{Tag: "com.apple.virtio-fs.automount", Entries: []config.Entry{
		{Name: "src", Source: src, ReadOnly: true}, {Name: "out", Source: src},
	}}}, rec.Config.Shares)
	for _, path := range []string{files.Disk(), files.HardwareModel(), files.MachineID(), files.Aux()} {
		require.FileExists(t, path)
	}
	require.ErrorIs(t, c.install(env, r, fakeFramework{}, roomy), vzcontract.ErrConflict)
	require.True(t, agentless(r, "mac"))
	require.ErrorIs(t, (&fork{Name: "mac", New: "other"}).Run(env), vzcontract.ErrUnsupported)
}

func TestInstallFails(t *testing.T) {
	broken := errors.New("broken")
	tests := []struct {
		name   string
		change func(*initCmd)
		f      fakeFramework
		is     error
		says   string
	}{
		{"name", func(c *initCmd) { c.Name = "a/b" }, fakeFramework{}, vzcontract.ErrValidation, "no name"},
		{"disk", func(c *initCmd) { c.DiskSize = "1g" }, fakeFramework{}, vzcontract.ErrValidation, "want 40 GiB"},
		{"memory", func(c *initCmd) { c.Memory = "2g" }, fakeFramework{}, vzcontract.ErrValidation, "4096 MiB of memory"},
		{"no image", func(c *initCmd) { c.IPSW += "x" }, fakeFramework{}, vzcontract.ErrNotFound, "no restore image"},
		{"framework", func(*initCmd) {}, fakeFramework{broken}, broken, "install macOS 15.6.1: broken"},
		{"no base", func(c *initCmd) { c.IPSW, c.Base = "", "x" }, fakeFramework{}, vzcontract.ErrNotFound, "macos-15.6.1"},
		{"unpinned", func(c *initCmd) { c.IPSW, c.Base = "", "macos-26.6.2" }, fakeFramework{}, vzcontract.ErrDenied, "--allow-unpinned"},
		{"latest", func(c *initCmd) { c.IPSW, c.Base = "", "latest" }, fakeFramework{}, vzcontract.ErrDenied, "--allow-unpinned"},
		{"no answer", func(c *initCmd) { c.IPSW, c.Base, c.AllowUnpinned = "", "latest", true }, fakeFramework{broken}, broken, "broken"},
	}
	t.Setenv("CI", "")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env, r, _ := environment(t)
			c := guest(t)
			tt.change(c)
			err := c.install(env, r, tt.f, roomy)
			require.ErrorIs(t, err, tt.is)
			require.ErrorContains(t, err, tt.says)
			left, err := os.ReadDir(filepath.Join(r.Home, "vms"))
			if tt.name != "name" { // which is refused before all
				require.NoError(t, err)
				require.Len(t, left, 1, "only the lock of those who make machines")
			}
		})
	}
	t.Run("CI", func(t *testing.T) {
		t.Setenv("CI", "true")
		env, r, _ := environment(t)
		c := guest(t)
		c.IPSW, c.Base, c.AllowUnpinned = "", "latest", true
		require.ErrorContains(t, c.install(env, r, fakeFramework{}, roomy), "set VZ_ALLOW_UNPINNED_IN_CI=1 too")
	})
}

// TestInstallBase has the image come from a server into the cache.
func TestInstallBase(t *testing.T) {
	image, err := os.ReadFile(restoreImage(t))
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(image))
	}))
	defer server.Close()
	bases := func(version string) string {
		path := filepath.Join(t.TempDir(), "bases.json")
		text := fmt.Sprintf(`{"bases": [{"id": "a", "channel": "stable", "ipsw": {"url": "%s/a.ipsw", "sha256": "%x", "size": 0},
			"fingerprints": {"version": "%s", "build": "24G90"}, "support": "supported", "replacement": ""}]}`, server.URL, sha256.Sum256(image), version)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	env, r, _ := environment(t)
	c := guest(t)
	c.IPSW, c.Bases = "", bases("15.6.2")
	require.ErrorContains(t, c.install(env, r, fakeFramework{}, roomy), "version 15.6.1 in place of 15.6.2")
	c.Bases = bases("15.6.1")
	require.NoError(t, c.install(env, r, fakeFramework{}, roomy))
	all, err := restoreImages(r).List()
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.False(t, all[0].Busy, "nobody holds it any more")
}

func TestFits(t *testing.T) {
	tests := []struct {
		change func(*initCmd)
		says   string
	}{
		{func(c *initCmd) { c.Linux = true }, "--ipsw is for macOS guests"},
		{func(c *initCmd) { c.Linux, c.IPSW, c.DiskSize = true, "", "65g" }, "--disk-size is for macOS guests"},
		{func(c *initCmd) { c.Arch = "arm64" }, "--arch is for Linux guests"},
		{func(c *initCmd) { c.Profile = "developer" }, "--profile is for Linux guests"},
		{func(c *initCmd) { c.Base = "stable" }, "--ipsw takes the place of a base"},
	}
	for _, tt := range tests {
		c := guest(t)
		require.NoError(t, c.fits())
		tt.change(c)
		var usage *command.UsageError
		err := c.fits()
		require.ErrorAs(t, err, &usage)
		require.ErrorContains(t, err, tt.says)
	}
	require.NoError(t, (&initCmd{Linux: true, Profile: "developer", DiskSize: "64g"}).fits())
}

func TestFindings(t *testing.T) {
	got := findings([]macos.Finding{
		{Name: "mac", OK: true, Detail: "fine"}, {Name: "signed", Detail: "not\nsigned", Remedy: "sign"}, {Name: "room", Detail: "little"},
	})
	require.Equal(t, []command.CheckResult{
		{Name: "mac", Status: "ok", Detail: "fine"},
		{Name: "signed", Status: "failed", Detail: "not signed", Remedy: "sign"},
		{Name: "room", Status: "warning", Detail: "little"},
	}, got)
}

func TestSuits(t *testing.T) {
	require.NoError(t, suits("make it", []macos.Finding{{Name: "mac", OK: true}, {Name: "room", Detail: "little"}}))
	err := suits("make it", []macos.Finding{{Name: "mac", OK: true}, {Name: "signed", Detail: "not signed", Remedy: "vz vm self-sign"}})
	require.ErrorIs(t, err, vzcontract.ErrUnsupported)
	require.EqualError(t, err, "make it: not signed; vz vm self-sign")
	require.EqualError(t, suits("make it", []macos.Finding{{Name: "mac", Detail: "an Intel Mac"}}), "make it: an Intel Mac; vz vm validate tells more")
}
