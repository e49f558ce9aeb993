package base

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

func TestEmbedded(t *testing.T) {
	all, err := Embedded()
	require.NoError(t, err)
	for _, channel := range []string{Stable, Previous} {
		b, err := Find(all, channel)
		require.NoError(t, err)
		require.Equal(t, channel, b.Channel)
		require.Equal(t, Supported, b.Support)
	}
	for _, b := range all {
		require.Equal(t, "updates.cdn-apple.com", strings.Split(b.IPSW.URL, "/")[2], b.ID)
		require.Equal(t, fmt.Sprintf("UniversalMac_%s_%s_Restore.ipsw", b.Fingerprints.Version, b.Fingerprints.Build), b.Request().Name())
		require.Equal(t, "macos-"+b.Fingerprints.Version, b.ID)
	}
	_, err = Find(all, "macos-9")
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
	require.ErrorContains(t, err, all[0].ID)
}

const one = `{"bases": [
  {
    "id": "a",
    "channel": "stable",
    "ipsw": {"url": "https://example.com/a.ipsw",
             "sha256": "", "size": 10},
    "fingerprints": {"version": "15.6.1", "build": "24G90"},
    "support": "supported",
    "replacement": ""
  }
]}
`

func TestParse(t *testing.T) {
	all, err := Parse("f", []byte(one))
	require.NoError(t, err)
	require.Equal(t, []Base{{
		ID: "a", Channel: Stable, IPSW: IPSW{URL: "https://example.com/a.ipsw", Size: 10},
		Fingerprints: Fingerprints{Version: "15.6.1", Build: "24G90"}, Support: Supported,
	}}, all)
	path := filepath.Join(t.TempDir(), "bases.json")
	require.NoError(t, os.WriteFile(path, []byte(one), 0o600))
	loaded, err := Load(path)
	require.NoError(t, err)
	require.Equal(t, all, loaded)

	tests := []struct{ name, old, new, says string }{
		{"unknown key", `"support"`, `"suport"`, `f:8: unknown key "bases[0].suport"; known are id,`},
		{"unknown key within", `"build"`, `"bild"`, `f:7: unknown key "bases[0].fingerprints.bild"`},
		{"key in capitals", `"id"`, `"ID"`, `f:3: unknown key "bases[0].ID"`},
		{"key twice", `"support": "supported"`, `"id": "a"`, `f:8: the key "bases[0].id" is there already`},
		{"a number for a string", `"a",`, `1,`, `f:3: bases[0].id: want a string`},
		{"null", `"stable"`, `null`, `f:4: bases[0].channel: want a string`},
		{"a string for a number", `10}`, `"10"}`, `f:6: bases[0].ipsw.size: want a number`},
		{"a fraction", `10}`, `1.5}`, `f:6: bases[0].ipsw.size: 1.5 is no whole number`},
		{"a list for an object", `{"version": "15.6.1", "build": "24G90"}`, `[]`, `f:7: bases[0].fingerprints: want an object`},
		{"cut off", "\n]}\n", "\n", `f:11: the file ends too early`},
		{"more", "]}\n", "]}\n{}", `f:12: there is more`},
		{"no comma", `"id": "a",`, `"id": "a"`, `f:4: no JSON`},
		{"id", `"id": "a"`, `"id": "a/b"`, `f:3: bases[0].id: "a/b"`},
		{"id of a channel", `"id": "a"`, `"id": "stable"`, `f:3: bases[0].id: "stable"`},
		{"channel", `"stable"`, `"beta"`, `f:4: bases[0].channel: "beta" is not stable or previous`},
		{"plain http", `https`, `http`, `f:5: bases[0].ipsw.url`},
		{"digest", `"sha256": ""`, `"sha256": "ABC"`, `f:6: bases[0].ipsw.sha256`},
		{"size", `10}`, `-1}`, `f:6: bases[0].ipsw.size`},
		{"support", `"supported"`, `"maybe"`, `f:8: bases[0].support`},
		{"replacement of what is supported", `"replacement": ""`, `"replacement": "b"`, `f:9: bases[0].replacement`},
		{"withdrawn", `"supported"`, `"withdrawn"`, `f:9: bases[0].replacement: "" is no other base`},
		{"missing id", `"id": "a",`, ``, `f:2: bases[0].id: ""`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(one, tt.old, tt.new, 1)
			require.NotEqual(t, one, text)
			_, err := Parse("f", []byte(text))
			require.ErrorIs(t, err, vzcontract.ErrValidation)
			require.ErrorContains(t, err, tt.says)
		})
	}
	_, err = Parse("f", make([]byte, maxFile+1))
	require.ErrorContains(t, err, "larger")
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(one))
	f.Add([]byte(`{"bases":[{"id":1}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := Parse("f", text)
		if err != nil && len(all) == 0 {
			require.ErrorIs(t, err, vzcontract.ErrValidation)
			require.Contains(t, err.Error(), "f:")
		}
	})
}

func TestPolicy(t *testing.T) {
	pinned := Base{ID: "p", IPSW: IPSW{SHA256: strings.Repeat("0", 64)}, Support: Supported}
	unpinned := Base{ID: "u", Support: Deprecated}
	withdrawn := Base{ID: "w", IPSW: pinned.IPSW, Support: Withdrawn, Replacement: "p"}
	tests := []struct {
		env     string
		flag    bool
		allowed bool // the unpinned one
	}{
		{"", false, false},
		{"", true, true},
		{"CI=true", true, false},
		{"CI=1", true, false},
		{"CI=", true, true},
		{"CI=false", true, true},
		{"CI=true VZ_ALLOW_UNPINNED_IN_CI=1", true, true},
		{"CI=true VZ_ALLOW_UNPINNED_IN_CI=yes", true, false},
		{"CI=true VZ_ALLOW_UNPINNED_IN_CI=1", false, false},
	}
	for _, tt := range tests {
		env := map[string]string{}
		for _, pair := range strings.Fields(tt.env) {
			name, value, _ := strings.Cut(pair, "=")
			env[name] = value
		}
		p := PolicyOf(func(name string) string { return env[name] }, tt.flag)
		require.NoError(t, p.Check(pinned), "%+v", tt)
		require.ErrorIs(t, p.Check(withdrawn), vzcontract.ErrDenied)
		err := p.Check(unpinned)
		if tt.allowed {
			require.NoError(t, err, "%+v", tt)
			continue
		}
		require.ErrorIs(t, err, vzcontract.ErrDenied, "%+v", tt)
		require.ErrorContains(t, err, "base u is unpinned")
	}
}

func TestFingerprints(t *testing.T) {
	b := Base{ID: "a", Fingerprints: Fingerprints{Version: "15.6.1", Build: "24G90"}}
	require.NoError(t, b.Check("15.6.1", "24G90"))
	require.ErrorContains(t, b.Check("15.6.1", "24G91"), "build 24G91 in place of 24G90")
	require.NoError(t, Base{}.Check("15", "x"))
}
