package macos

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"howett.net/plist"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/macos/ipsw"
)

// A framework stands for Virtualization.framework; fail names the step that does not work.
type framework struct {
	fail string
	seen config.Config
}

var _ Framework = (*framework)(nil)

func (f *framework) step(name string) error {
	if f.fail == name {
		return errors.New(name + " does not work")
	}
	return nil
}

func (f *framework) Latest(context.Context) (string, error) { return "", f.step("latest") }

func (f *framework) Requirements(context.Context, string) (Requirements, error) {
	return Requirements{HardwareModel: []byte("model"), MinCPUs: 2, MinMemory: 4 * config.GiB}, f.step("requirements")
}

func (f *framework) Identify(_ context.Context, model []byte, path string) ([]byte, error) {
	return []byte("id of " + string(model)), errors.Join(os.WriteFile(path, []byte("aux"), 0o600), f.step("identify"))
}

func (f *framework) Install(_ context.Context, machine config.Config, _ string, progress func(float64)) error {
	f.seen = machine
	progress(0.5)
	return f.step("install")
}

func restoreImage(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.ipsw")
	out, err := os.Create(path)
	require.NoError(t, err)
	w := zip.NewWriter(out)
	part, err := w.Create("BuildManifest.plist")
	require.NoError(t, err)
	require.NoError(t, plist.NewEncoder(part).Encode(map[string]any{
		"ProductVersion": "15.6.1", "ProductBuildVersion": "24G90", "SupportedProductTypes": []string{ipsw.VirtualMac},
	}))
	require.NoError(t, errors.Join(w.Close(), out.Close()))
	return path
}

func spec(t *testing.T) Spec {
	t.Helper()
	return Spec{
		Dir: t.TempDir(), Image: restoreImage(t), Machine: config.Default(), DiskSize: DefaultDisk,
		Free: func(string) (uint64, error) { return installed, nil },
	}
}

func TestCreate(t *testing.T) {
	s, f, told := spec(t), &framework{}, 0.0
	s.Progress = func(p float64) { told = p }
	g, err := Create(t.Context(), f, s)
	require.NoError(t, err)
	require.InDelta(t, 0.5, told, 0)
	require.Equal(t, "15.6.1 24G90", g.Image.Version+" "+g.Image.Build)
	require.Equal(t, f.seen, g.Machine)
	require.NoError(t, g.Machine.Validate())
	files := Files{s.Dir}
	disk, err := os.Stat(files.Disk())
	require.NoError(t, err)
	require.Equal(t, int64(DefaultDisk), disk.Size())
	have, err := free(s.Dir)
	require.NoError(t, err)
	require.Positive(t, have)
	for path, want := range map[string]string{files.HardwareModel(): "model", files.MachineID(): "id of model", files.Aux(): "aux"} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, want, string(text))
	}
	moved := g.At("/elsewhere")
	require.Equal(t, "/elsewhere/disk.img /elsewhere/disk.aux", moved.Disks[0].Path+" "+moved.Platform.AuxiliaryStorage)
	require.Equal(t, files.Disk(), g.Machine.Disks[0].Path, "the first one is as it was")

	_, err = Create(t.Context(), f, s)
	require.ErrorIs(t, err, vzcontract.ErrConflict)
	require.FileExists(t, files.Disk(), "what was there stays")
}

// TestCreateFails leaves no file behind.
func TestCreateFails(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Spec, *framework)
		says   string
	}{
		{"no image", func(s *Spec, _ *framework) { s.Image += "x" }, "there is no restore image"},
		{"cannot run here", func(_ *Spec, f *framework) { f.fail = "requirements" }, "requirements does not work"},
		{"one processor", func(s *Spec, _ *framework) { s.Machine.CPUs = 1 }, "needs 2 processors at least, not 1"},
		{"little memory", func(s *Spec, _ *framework) { s.Machine.Memory = config.GiB }, "needs 4096 MiB of memory at least, not 1024"},
		{"small disk", func(s *Spec, _ *framework) { s.DiskSize = config.GiB }, "want 40 GiB"},
		{"odd disk", func(s *Spec, _ *framework) { s.DiskSize++ }, "in whole MiB"},
		{"network", func(s *Spec, _ *framework) { s.Machine.Network.Kind = "x" }, "network.kind"},
		{"no room", func(s *Spec, _ *framework) { s.Free = func(string) (uint64, error) { return installed - 1, nil } }, "vz vm cache clean"},
		{"identity", func(_ *Spec, f *framework) { f.fail = "identify" }, "identify does not work"},
		{"installation", func(_ *Spec, f *framework) { f.fail = "install" }, "install macOS 15.6.1: install does not work"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, f := spec(t), &framework{}
			tt.change(&s, f)
			_, err := Create(t.Context(), f, s)
			require.ErrorContains(t, err, tt.says)
			left, err := os.ReadDir(s.Dir)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

func TestPassword(t *testing.T) {
	files := Files{t.TempDir()}
	_, err := files.Password()
	require.ErrorIs(t, err, os.ErrNotExist, "without a disk there is no guest")
	require.NoError(t, os.WriteFile(files.Disk(), nil, 0o600))
	got := make([]string, 10)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() { got[i], _ = files.Password() })
	}
	wg.Wait()
	require.Len(t, slices.Compact(got), 1, "all get the same")
	require.Len(t, got[0], 26)
	info, err := os.Stat(files.PasswordFile())
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	left, err := os.ReadDir(files.Dir)
	require.NoError(t, err)
	require.Len(t, left, 2)

	require.NoError(t, os.Chmod(files.PasswordFile(), 0o644))
	_, err = files.Password()
	require.ErrorIs(t, err, vzcontract.ErrDenied)
	require.NoError(t, os.Remove(files.PasswordFile()))
	require.NoError(t, os.WriteFile(files.PasswordFile(), nil, 0o600))
	_, err = files.Password()
	require.ErrorIs(t, err, vzcontract.ErrConflict)
}

// A mac answers as the programs of macOS do.
type mac struct {
	answers map[string]string // by the start of the call; one that is missing fails
	calls   []string
}

func (m *mac) run(_ context.Context, program string, args ...string) ([]byte, error) {
	call := strings.Join(append([]string{program}, args...), " ")
	m.calls = append(m.calls, call)
	for start, answer := range m.answers {
		if strings.HasPrefix(call, start) {
			return []byte(answer), nil
		}
	}
	return nil, fmt.Errorf("%s: refused", program)
}

func TestSign(t *testing.T) {
	ents, err := Entitlements(false)
	require.NoError(t, err)
	require.Contains(t, string(ents), Virtualization)
	require.NotContains(t, string(ents), Bridged)
	m := &mac{answers: map[string]string{"codesign --force": "", "codesign --verify": "", "codesign -d": string(ents)}}
	require.NoError(t, Run(m.run).Sign(t.Context(), "-", ents, []string{"/bin/vz-vmm"}))
	require.Len(t, m.calls, 3)
	require.Regexp(t, `^codesign --force --sign - --entitlements \S+ /bin/vz-vmm$`, m.calls[0])
	require.NoFileExists(t, strings.Fields(m.calls[0])[5], "nothing is left of the writing")

	both, err := Entitlements(true)
	require.NoError(t, err)
	require.ErrorContains(t, Run(m.run).Sign(t.Context(), "-", both, []string{"/x"}), "/x has no entitlement "+Bridged)
	m.answers["codesign -d"] = ""
	require.ErrorIs(t, Run(m.run).Signed(t.Context(), "/x"), vzcontract.ErrDenied)
	for _, step := range []string{"codesign -d", "codesign --verify", "codesign --force"} {
		delete(m.answers, step)
		require.ErrorContains(t, Run(m.run).Sign(t.Context(), "-", ents, []string{"/x"}), "refused")
	}
	require.ErrorIs(t, Run(m.run).Sign(t.Context(), "-", []byte("x"), nil), vzcontract.ErrValidation)
	require.ErrorIs(t, Run(nil).Sign(t.Context(), "-", ents, []string{"/x"}), vzcontract.ErrUnsupported)
}

func TestValidate(t *testing.T) {
	ents, err := Entitlements(false)
	require.NoError(t, err)
	good := func() map[string]string {
		return map[string]string{"sysctl": "1\n", "sw_vers": "15.6.1\n", "codesign -d": string(ents)}
	}
	bad := func(change func(map[string]string)) string {
		m := &mac{answers: good()}
		change(m.answers)
		var names []string
		for _, f := range Run(m.run).Validate(t.Context(), t.TempDir(), []string{"/bin/vz-vmm"}) {
			if !f.OK && f.Name != "room" { // that is the test machine's
				require.NotEmpty(t, f.Detail)
				names = append(names, f.Name)
			}
		}
		return strings.Join(names, " ")
	}
	require.Empty(t, bad(func(map[string]string) {}))
	require.Equal(t, "mac", bad(func(a map[string]string) { a["sysctl"] = "0" }))
	require.Equal(t, "mac", bad(func(a map[string]string) { delete(a, "sysctl") }))
	require.Equal(t, "macos", bad(func(a map[string]string) { a["sw_vers"] = "13.7" }))
	require.Equal(t, "macos", bad(func(a map[string]string) { a["sw_vers"] = "" }))
	require.Equal(t, "signed", bad(func(a map[string]string) { a["codesign -d"] = "" }))
	require.False(t, Run(nil).Validate(t.Context(), t.TempDir(), nil)[0].OK)
	require.True(t, room("/x", func(string) (uint64, error) { return 2 * installed, nil }).OK)
	require.NotEmpty(t, room("/x", func(string) (uint64, error) { return 2*installed - 1, nil }).Remedy)
	_, err = free("/nowhere/at/all")
	require.Error(t, err)
	require.Contains(t, room("/nowhere/at/all", free).Detail, "free below /", "one that will be made is on the disk of its parent")
	require.ErrorIs(t, Absent("make a guest"), vzcontract.ErrUnsupported)
}
