package compose

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// A use is a key that a loaded project has.
type use struct{ path, pattern string }

// unlisted are fields of the parser that are no keys of the schema.
var unlisted = map[string]bool{"services.*.name": true, "services.*.ulimits.*.single": true, "secrets.*.content": true}

// uses lists the keys that active services and all else have, as they are
// after interpolation, extends, include and merging.
func uses(p *types.Project) []use {
	var all []use
	w := walker{visit: func(u use) {
		if !unlisted[u.pattern] {
			all = append(all, u)
		}
	}}
	w.walk(reflect.ValueOf(*p), use{})
	return all
}

type walker struct{ visit func(use) }

func (w walker) walk(v reflect.Value, at use) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			w.walk(v.Elem(), at)
		}
	case reflect.Struct:
		w.fields(v, at)
	case reflect.Map:
		if !holdsStruct(v.Type().Elem()) {
			return
		}
		keys := map[string]reflect.Value{}
		for _, k := range v.MapKeys() {
			keys[k.String()] = v.MapIndex(k)
		}
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			w.walk(keys[k], use{at.path + "." + k, at.pattern + ".*"})
		}
	case reflect.Slice:
		if !holdsStruct(v.Type().Elem()) {
			return
		}
		for i := range v.Len() {
			w.walk(v.Index(i), use{at.path + "[]", at.pattern + "[]"})
		}
	}
}

func (w walker) fields(v reflect.Value, at use) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case name == "-" || !field.IsExported():
			continue
		case name == "#extensions" || field.Name == "Extensions":
			w.extensions(v.Field(i), at)
			continue
		case strings.Contains(options, "inline"):
			w.fields(v.Field(i), at)
			continue
		case v.Field(i).IsZero():
			continue
		case name == "":
			name = strings.ToLower(field.Name)
		}
		next := use{strings.TrimPrefix(at.path+"."+name, "."), strings.TrimPrefix(at.pattern+"."+name, ".")}
		w.visit(next)
		w.walk(v.Field(i), next)
	}
}

// extensions visits x-vz of the project and of services; other x- keys are nobody's
// business.
func (w walker) extensions(v reflect.Value, at use) {
	x, ok := v.Interface().(types.Extensions)
	if !ok || at.pattern != "" && at.pattern != "services.*" || x["x-vz"] == nil {
		return
	}
	own := use{strings.TrimPrefix(at.path+".x-vz", "."), strings.TrimPrefix(at.pattern+".x-vz", ".")}
	w.visit(own)
	settings, _ := x["x-vz"].(map[string]any) // else the translation refuses it
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		w.visit(use{own.path + "." + key, own.pattern + "." + key})
	}
}

func holdsStruct(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct
}

// refusedKeys are the uses of keys that the table refuses or does not have.
func (p *Project) refusedKeys() []Problem {
	var out []Problem
	table := newKeyTable()
	for _, u := range uses(p.Project) {
		k, known := table.find(u.pattern)
		switch {
		case !known:
			k.Note = "this version of vz does not know the key"
		case k.Status != Refuse || k.Path != u.pattern:
			continue
		}
		if problem := (Problem{Path: u.path, Reason: k.Note}); !slices.Contains(out, problem) {
			out = append(out, problem)
		}
	}
	return out
}

// Notices are one line for each key that changes nothing here.
func (p *Project) Notices() []string {
	var found []Problem
	table := newKeyTable()
	for _, u := range uses(p.Project) {
		if k, ok := table.find(u.pattern); ok && k.Status == Noted && k.Path == u.pattern {
			found = append(found, Problem{Path: u.path, Reason: "changes nothing here: " + k.Note})
		}
	}
	p.locate(found)
	var lines []string
	for _, f := range found {
		if line := f.String(); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}
