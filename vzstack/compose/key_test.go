package compose

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"vz.internal/vzcontract"
)

func testHost(t *testing.T) Host {
	return Host{
		FilesDir: filepath.Join(t.TempDir(), "files"),
		Secret: func(_ context.Context, name string) ([]byte, error) {
			if name != "kept" && name != "x" {
				return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "no such secret: %s", name)
			}
			return []byte("from the store"), nil
		},
		FileName:  func(data []byte) string { return "f" + strconv.Itoa(len(data)) },
		Isolation: vzcontract.IsolationContainer, Isolations: []vzcontract.Isolation{vzcontract.IsolationContainer, vzcontract.IsolationFull},
	}
}

// example makes a document of a row's example.
func example(t *testing.T, k Key, text string) string {
	doc := map[string]any{"services": map[string]any{"s": map[string]any{"image": "busybox"}}}
	service := doc["services"].(map[string]any)["s"].(map[string]any)
	merge := func(into map[string]any, text string) {
		var m map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(text), &m))
		for key, v := range m {
			if have, ok := into[key].(map[string]any); ok && key == "services" {
				for name, s := range v.(map[string]any) {
					have[name] = s
				}
				continue
			}
			into[key] = v
		}
	}
	object := func(kind, name string, use any) {
		m := map[string]any{}
		merge(m, text)
		doc[kind] = map[string]any{name: m}
		service[kind] = use
	}
	merge(doc, k.Top)
	switch first, _, _ := strings.Cut(k.Path, "."); {
	case !strings.Contains(k.Path, ".*."):
		merge(doc, text)
	case first == "services":
		merge(service, text)
	case first == "volumes":
		object(first, "v", []any{map[string]any{"type": "volume", "source": "v", "target": "/v"}})
	default:
		name := map[string]string{"networks": "n", "secrets": "x", "configs": "x"}[first]
		object(first, name, []any{name})
	}
	out, err := yaml.Marshal(doc)
	require.NoError(t, err)
	return string(out)
}

// loadText loads a document from a copy of testdata/keys.
func loadText(t *testing.T, text string) (*Project, error) {
	dir := filepath.Join(t.TempDir(), "test")
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/keys")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(text), 0o600))
	return Load(t.Context(), Source{Dir: dir, Env: []string{"HOME=/home/me"}})
}

// at follows a path such as Services.0.Run.image through decoded JSON.
func at(v any, path string) any {
	for word := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[word]
		case []any:
			n, err := strconv.Atoi(word)
			if err != nil || n >= len(x) {
				return nil
			}
			v = x[n]
		default:
			return nil
		}
	}
	return v
}

func TestKeys(t *testing.T) {
	for _, k := range Keys() {
		t.Run(k.Path, func(t *testing.T) {
			t.Parallel()
			if k.Example == "" && k.Path != "services" {
				require.NotEqual(t, Honoured, k.Status, "an honoured key needs an example")
				return
			}
			p, err := loadText(t, example(t, k, k.Example))
			require.NoError(t, err)
			host := testHost(t)
			if strings.HasPrefix(k.Path, "x-vz") { // what projects say of machines
				host.Isolation = vzcontract.IsolationFull
			}
			d, err := p.Desired(t.Context(), host)
			switch k.Status {
			case Refuse:
				var refused *Refused
				require.ErrorAs(t, err, &refused)
				require.ErrorIs(t, err, vzcontract.ErrUnsupported)
				require.Contains(t, err.Error(), k.Note)
				require.Positive(t, refused.Problems[0].Line, "the line of the key")
				require.Equal(t, "compose.yaml", refused.Problems[0].File)
				return
			case Noted:
				require.NoError(t, err)
				require.Contains(t, strings.Join(append(p.Notices(), p.Warnings...), "\n"), strings.Split(k.Note, ":")[0])
				return
			}
			require.NotEmpty(t, k.Shows, "an honoured key needs a proof")
			require.NoError(t, err)
			if bad, ok := strings.CutPrefix(k.Shows, "!"); ok {
				requireRefused(t, k, bad)
				return
			}
			path, want, _ := strings.Cut(k.Shows, "=")
			data, err := json.Marshal(d)
			require.NoError(t, err)
			var tree, wanted any
			require.NoError(t, json.Unmarshal(data, &tree))
			require.NoError(t, json.Unmarshal([]byte(want), &wanted))
			require.Equal(t, wanted, at(tree, path), "%s in %s", path, data)
		})
	}
}

// requireRefused shows that another value of the key is not taken.
func requireRefused(t *testing.T, k Key, text string) {
	p, err := loadText(t, example(t, k, text))
	if err == nil {
		_, err = p.Desired(t.Context(), testHost(t))
	}
	require.Error(t, err)
	class := errors.Is(err, vzcontract.ErrUnsupported) || errors.Is(err, vzcontract.ErrNotFound) || errors.Is(err, vzcontract.ErrValidation)
	require.True(t, class, "%v", err)
}
