package compose

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/stretchr/testify/require"
)

// schemaPaths walks the schema and gives each key as the table writes it.
func schemaPaths(t *testing.T) []string {
	var root map[string]any
	require.NoError(t, json.Unmarshal([]byte(schema.Schema), &root))
	definitions, _ := root["definitions"].(map[string]any)
	if definitions == nil {
		definitions, _ = root["$defs"].(map[string]any)
	}
	found := map[string]bool{}
	var walk func(node map[string]any, path string, seen []string)
	walk = func(node map[string]any, path string, seen []string) {
		if ref, ok := node["$ref"].(string); ok {
			name := ref[strings.LastIndex(ref, "/")+1:]
			if !slices.Contains(seen, name) {
				walk(definitions[name].(map[string]any), path, append(slices.Clone(seen), name))
			}
			return
		}
		for _, kind := range []string{"oneOf", "anyOf", "allOf"} {
			list, _ := node[kind].([]any)
			for _, alternative := range list {
				walk(alternative.(map[string]any), path, seen)
			}
		}
		properties, _ := node["properties"].(map[string]any)
		for key, value := range properties {
			next := strings.TrimPrefix(path+"."+key, ".")
			found[next] = true
			walk(value.(map[string]any), next, seen)
		}
		patterns, _ := node["patternProperties"].(map[string]any)
		for pattern, value := range patterns {
			if pattern != "^x-" {
				walk(value.(map[string]any), path+".*", seen)
			}
		}
		if more, ok := node["additionalProperties"].(map[string]any); ok {
			walk(more, path+".*", seen)
		}
		if items, ok := node["items"].(map[string]any); ok {
			walk(items, path+"[]", seen)
		}
	}
	walk(root, "", nil)
	return slices.Sorted(maps.Keys(found))
}

func TestEveryKeyOfTheSchemaIsInTheTable(t *testing.T) {
	paths := schemaPaths(t)
	require.Greater(t, len(paths), 300)
	table := newKeyTable()
	for _, path := range paths {
		if _, ok := table.find(path); !ok {
			t.Errorf("%s is neither honoured, refused nor noted", path)
		}
	}
	for path := range table {
		if !slices.Contains(paths, path) && !strings.HasPrefix(path, "services.*.x-vz") && !strings.HasPrefix(path, "x-vz") && path != "services.*.build.*" {
			t.Errorf("%s is in the table but not in the schema", path)
		}
	}
	require.Len(t, table, len(Keys()), "no key has two rows")
}
