package compose

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFilesUseEveryHonouredKey reads the project files of testdata, which are
// brought up by the tests of package vzstack.
func TestFilesUseEveryHonouredKey(t *testing.T) {
	names, err := filepath.Glob("../testdata/files/*.yaml")
	require.NoError(t, err)
	parts, err := filepath.Glob("../testdata/files/parts/*.yaml")
	require.NoError(t, err)
	used := map[string]bool{}
	for _, name := range append(names, parts...) {
		p, err := Load(t.Context(), Source{Files: []string{name}, Env: []string{"HOME=/", "DB_PASSWORD=x", "UID=0", "GID=0"}})
		if strings.HasSuffix(name, ".override.yaml") {
			continue
		}
		require.NoError(t, err, name)
		rows, err := p.Check(t.Context(), testHost(t))
		require.NoError(t, err, name)
		for _, r := range rows {
			require.NotEqual(t, Refuse, r.Status, "%s: %s: %s", name, r.Path, r.Note)
			require.Positive(t, r.Line)
			used[r.Key] = true
		}
		for _, u := range uses(p.Project) {
			used[u.pattern] = true // what short forms mean
		}
	}
	for _, k := range Keys() {
		// The files run on every backend; TestSharedMachine of package vzstack has the
		// projects that need virtual machines.
		if k.Status == Honoured && !used[k.Path] && !strings.HasPrefix(k.Path, "x-vz") {
			t.Errorf("no file of testdata uses %s", k.Path)
		}
	}
}

func TestCheckFindsLinesAndReasons(t *testing.T) {
	p, err := loadText(t, `
services:
  my.service:
    image: busybox
    labels: {gpus: not a key}
    x-own: {anything: goes}
    environment: [A=b]
    ports: [{target: 80, protocol: sctp}]
    pre_start: [{image: busybox, command: 'true'}]
  base: {image: busybox, gpus: all}
  heir: {extends: {service: base}}
networks:
  default: {driver: overlay}
`)
	require.NoError(t, err)
	rows, err := p.Check(t.Context(), testHost(t))
	require.NoError(t, err)
	refused := map[string]int{}
	for _, r := range rows {
		require.NotContains(t, r.Path, "labels.gpus")
		require.NotContains(t, r.Path, "x-own")
		if r.Status == Refuse {
			require.NotEmpty(t, r.Note)
			refused[r.Path] = r.Line
		}
	}
	require.Equal(t, map[string]int{
		"services.my.service.ports": 8, "services.my.service.pre_start": 9, "services.base.gpus": 10,
		"services.heir.gpus": 11, "networks.default.driver": 13,
	}, refused)
}

func TestLoadRefusesWhatIsNoComposeFile(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "empty",
		"services: [a]":                        "services",
		"services: {a: {image: b, colour: c}}": "colour",
		"a: &a [*a]":                           "",
		"services: {a: {image: '${X'}}":        "",
		"services: {a: {image: b, extends: {service: a}}}": "",
		"\x00": "",
	} {
		_, err := loadText(t, text)
		require.Error(t, err, "%q", text)
		require.Contains(t, err.Error(), want)
		require.NotContains(t, err.Error(), "\n")
	}
	_, err := Load(t.Context(), Source{Files: []string{"none.yaml"}})
	require.ErrorContains(t, err, "none.yaml")
}

func FuzzLoad(f *testing.F) {
	names, err := filepath.Glob("../testdata/files/*.yaml")
	require.NoError(f, err)
	for _, name := range names {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(text), 0o600))
		p, err := Load(t.Context(), Source{Dir: dir, Name: "x"})
		if err != nil {
			return
		}
		_, _ = p.Check(t.Context(), testHost(t)) // any answer will do, a panic will not
		p.Notices()
	})
}
