package devfile

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A schema is as much of JSON Schema as vz.schema.json uses.
type schema struct {
	Schema, Title, Description string
	Type                       any
	Properties                 map[string]*schema
	AdditionalProperties       any
	Required                   []string
	Items                      *schema
	Enum                       []string
	Default                    any
	Pattern                    string
	Minimum                    *float64
	MinLength                  int
}

func readSchema(t *testing.T) *schema {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(strings.Replace(string(Schema), `"$schema":`, `"schema":`, 1)))
	d.DisallowUnknownFields()
	s := new(schema)
	if err := d.Decode(s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemaAgrees walks the schema and the Go types together.
func TestSchemaAgrees(t *testing.T) { agree(t, "", readSchema(t), reflect.TypeFor[File]()) }

func agree(t *testing.T, path string, s *schema, typ reflect.Type) {
	t.Helper()
	want := any(map[reflect.Kind]string{
		reflect.Struct: "object", reflect.Map: "object", reflect.Slice: "array",
		reflect.String: "string", reflect.Bool: "boolean", reflect.Float64: "number",
	}[typ.Kind()])
	if typ == reflect.TypeFor[Port]() {
		want = []any{"string", "integer"}
	}
	if len(s.Enum) > 0 {
		if got := slices.Sorted(maps.Keys(Backends)); !slices.Equal(got, slices.Sorted(slices.Values(s.Enum))) {
			t.Errorf("%s: the schema has %q, Parse takes %q", path, s.Enum, got)
		}
		want = nil
	}
	if !reflect.DeepEqual(s.Type, want) {
		t.Errorf("%s: the schema has type %v, want %v for %s", path, s.Type, want, typ)
	}
	if path != "" && s.Description == "" && typ.Kind() != reflect.Struct && !strings.HasSuffix(path, "]") && !strings.HasSuffix(path, "*") {
		t.Errorf("%s: the schema has no description", path)
	}
	switch typ.Kind() {
	case reflect.Struct:
		agreeObject(t, path, s, typ)
	case reflect.Slice:
		agree(t, path+"[]", s.Items, typ.Elem())
	case reflect.Map:
		if !reflect.DeepEqual(s.AdditionalProperties, map[string]any{"type": "string"}) || typ.Elem().Kind() != reflect.String {
			t.Errorf("%s: the schema takes values of %v, want strings", path, s.AdditionalProperties)
		}
	}
}

func agreeObject(t *testing.T, path string, s *schema, typ reflect.Type) {
	t.Helper()
	if s.AdditionalProperties != false {
		t.Errorf("%s: the schema allows unknown keys", path)
	}
	fields := map[string]reflect.Type{}
	for i := range typ.NumField() {
		name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		fields[name] = typ.Field(i).Type
	}
	if got, want := slices.Sorted(maps.Keys(s.Properties)), slices.Sorted(maps.Keys(fields)); !slices.Equal(got, want) {
		t.Errorf("%s: the schema has the keys %q, %s has %q", path, got, typ, want)
		return
	}
	for name, property := range s.Properties {
		agree(t, join(path, name), property, fields[name])
	}
}

func TestSchemaDefaults(t *testing.T) {
	s := readSchema(t)
	f, err := Parse(Name, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Properties["image"].Default != f.Image || s.Properties["workspace"].Default != f.Workspace {
		t.Errorf("the schema has other defaults than %+v", f)
	}
}

// What a pattern or bound of the schema forbids, Parse refuses, and the other way
// round for these values.
func TestSchemaConstraints(t *testing.T) {
	s := readSchema(t)
	size := s.Properties["resources"].Properties["memory"]
	if disk := s.Properties["resources"].Properties["disk"]; disk.Pattern != size.Pattern {
		t.Errorf("memory and disk differ: %q, %q", size.Pattern, disk.Pattern)
	}
	for _, tt := range []struct {
		pattern, file string
		values        []string
	}{
		{size.Pattern, `{"resources": {"memory": %q}}`, []string{"1", "512m", "4G", "1KiB", "2gb", "g", "1.5g", "1 g", "-1", "1x", "1gk"}},
		{s.Properties["workspace"].Pattern, `{"workspace": %q}`, []string{"/a", "/a/b", "a", "/"}},
		{s.Properties["setup"].Items.Pattern, `{"setup": [%q]}`, []string{"a", " a", " "}},
	} {
		for _, v := range tt.values {
			_, err := Parse(Name, fmt.Appendf(nil, tt.file, v))
			if matches := regexp.MustCompile(tt.pattern).MatchString(v); matches != (err == nil) {
				t.Errorf("%s: the schema's %s matches: %v, but Parse says %v", fmt.Sprintf(tt.file, v), tt.pattern, matches, err)
			}
		}
	}
	mount := s.Properties["mounts"].Items
	for _, key := range mount.Required {
		file := strings.Replace(`{"mounts": [{"source": "a", "target": "b"}]}`, `"`+key+`": "`+map[string]string{"source": "a", "target": "b"}[key]+`"`, `"readOnly": true`, 1)
		if _, err := Parse(Name, []byte(file)); err == nil || mount.Properties[key].MinLength != 1 {
			t.Errorf("%s is required, but %s is taken", key, file)
		}
	}
	if *s.Properties["resources"].Properties["cpus"].Minimum != 0 {
		t.Error("the schema has another minimum of cpus than Parse")
	}
}
