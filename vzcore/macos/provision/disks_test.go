package provision

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"howett.net/plist"

	"vz.internal/vzcontract"
)

// A mac answers as hdiutil and diskutil do, with the host's own disk beside the image's.
type mac struct {
	t      *testing.T
	calls  []string
	fail   string               // the call that fails
	answer func(map[string]any) // changes what diskutil lists
}

func (m *mac) run(_ context.Context, program string, args ...string) ([]byte, error) {
	call := strings.Join(append([]string{program}, args...), " ")
	m.calls = append(m.calls, call)
	if m.fail != "" && strings.Contains(call, m.fail) {
		return nil, fmt.Errorf("%s: refused", program)
	}
	var out any
	switch {
	case strings.HasPrefix(call, "hdiutil attach"):
		out = map[string]any{"system-entities": []map[string]any{
			{"content-hint": "GUID_partition_scheme", "dev-entry": "/dev/disk4"},
			{"content-hint": "Apple_APFS_ISC", "dev-entry": "/dev/disk4s1"},
			{"content-hint": "Apple_APFS", "dev-entry": "/dev/disk4s2"},
			{"content-hint": "Apple_APFS_Recovery", "dev-entry": "/dev/disk4s3"},
		}}
	case strings.HasPrefix(call, "diskutil apfs list"):
		volume := func(device, role string) map[string]any {
			return map[string]any{"DeviceIdentifier": device, "Roles": []string{role}, "Locked": false}
		}
		container := func(store string, volumes ...map[string]any) map[string]any {
			return map[string]any{"PhysicalStores": []map[string]any{{"DeviceIdentifier": store}}, "Volumes": volumes}
		}
		answer := map[string]any{"Containers": []map[string]any{
			container("disk0s2", volume("disk3s1", "System"), volume("disk3s5", "Data")),
			container("disk4s1", volume("disk5s1", "xART")),
			container("disk4s2", volume("disk6s1", "System"), volume("disk6s5", "Data")),
		}}
		if m.answer != nil {
			m.answer(answer)
		}
		out = answer
	default:
		return nil, nil
	}
	text, err := plist.Marshal(out, plist.XMLFormat)
	require.NoError(m.t, err)
	return text, nil
}

func TestMount(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	m := &mac{t: t}
	v, err := Disks{Run: m.run}.Mount(t.Context(), "/vm/disk.img")
	require.NoError(t, err)
	require.DirExists(t, v.Root())
	require.NoError(t, v.Close())
	require.NoDirExists(t, v.Root())
	require.Equal(t, []string{
		"hdiutil attach -plist -nomount -readwrite -noverify -noautofsck -imagekey diskimage-class=CRawDiskImage /vm/disk.img",
		"diskutil apfs list -plist",
		"diskutil mount -mountPoint " + v.Root() + " disk6s5",
		"diskutil enableOwnership disk6s5",
		"diskutil unmount " + v.Root(),
		"hdiutil detach /dev/disk4",
	}, m.calls)

	_, err = Disks{}.Mount(t.Context(), "/vm/disk.img")
	require.ErrorIs(t, err, vzcontract.ErrUnsupported)
	require.ErrorContains(t, err, "hdiutil")
}

// TestMountFails lets each step fail: what was attached is detached.
func TestMountFails(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	containers := func(a map[string]any) []map[string]any {
		all, ok := a["Containers"].([]map[string]any)
		require.True(t, ok)
		return all
	}
	tests := []struct {
		name, fail, says string
		answer           func(map[string]any)
	}{
		{"attach", "attach", "refused", nil},
		{"list", "apfs list", "refused", nil},
		{"mount", "diskutil mount", "refused", nil},
		{"owners", "enableOwnership", "refused", nil},
		{"nothing installed", "", "0 data volumes", func(a map[string]any) { a["Containers"] = containers(a)[:2] }},
		{"two", "", "2 data volumes", func(a map[string]any) { a["Containers"] = append(containers(a), containers(a)[2]) }},
		{"locked", "", "FileVault", func(a map[string]any) {
			for _, c := range containers(a) {
				volumes, ok := c["Volumes"].([]map[string]any)
				require.True(t, ok)
				volumes[len(volumes)-1]["Locked"] = true
			}
		}},
		{"a container that is on the host's disk too", "", "0 data volumes", func(a map[string]any) {
			containers(a)[2]["PhysicalStores"] = []map[string]any{{"DeviceIdentifier": "disk4s2"}, {"DeviceIdentifier": "disk0s3"}}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := &mac{t: t, fail: tt.fail, answer: tt.answer}
			_, err := Disks{Run: m.run}.Mount(t.Context(), "/vm/disk.img")
			require.ErrorContains(t, err, tt.says)
			require.ErrorContains(t, err, "/vm/disk.img")
			if tt.fail != "attach" {
				require.Equal(t, "hdiutil detach /dev/disk4", m.calls[len(m.calls)-1])
			}
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
	t.Run("no property list", func(t *testing.T) {
		_, err := Disks{Run: func(context.Context, string, ...string) ([]byte, error) { return []byte("oops"), nil }}.Mount(t.Context(), "/x")
		require.ErrorContains(t, err, "hdiutil")
	})
	t.Run("the unmount fails", func(t *testing.T) { // the mount point is not removed, and not what is in it
		m := &mac{t: t}
		v, err := Disks{Run: m.run}.Mount(t.Context(), "/x")
		require.NoError(t, err)
		m.fail = "unmount"
		require.Error(t, v.Close())
		require.DirExists(t, v.Root())
		require.False(t, errors.Is(os.Remove(v.Root()), os.ErrNotExist))
	})
}
