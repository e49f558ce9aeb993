package devfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Parse reads the text of a file, checks it and fills in defaults. The error
// matches vzcontract.ErrValidation and joins all that is wrong, each with file
// and line. file is only named.
func Parse(file string, text []byte) (File, error) {
	var f File
	root, err := read(file, text)
	if err != nil {
		return f, err
	}
	d := &decoder{file: file, lines: map[string]int{}}
	d.value(root, "", reflect.ValueOf(&f).Elem())
	if len(d.errs) > 0 {
		return File{}, errors.Join(d.errs...)
	}
	f.fill()
	f.check(d)
	if len(d.errs) > 0 {
		return File{}, errors.Join(d.errs...)
	}
	return f, nil
}

// fill puts defaults where nothing is said.
func (f *File) fill() {
	if f.Image == "" {
		f.Image = DefaultImage
	}
	if f.Workspace == "" {
		f.Workspace = DefaultWorkspace
	}
	if f.Mounts == nil {
		f.Mounts = []Mount{{Source: ".", Target: f.Workspace}}
	}
	if f.Setup == nil {
		f.Setup = []string{}
	}
	if f.Env == nil {
		f.Env = map[string]string{}
	}
	if f.Ports == nil {
		f.Ports = []Port{}
	}
}

// A decoder puts nodes into Go values and gathers what is wrong.
type decoder struct {
	file  string
	lines map[string]int // of the values, by path as in mounts[1].source
	errs  []error
}

// fail reports what is wrong with a value, on its line or that of what holds it.
func (d *decoder) fail(path, format string, args ...any) {
	line := 0
	for at := path; line == 0; at = at[:max(strings.LastIndexAny(at, ".["), 0)] {
		if line = d.lines[at]; at == "" {
			break
		}
	}
	prefix := ""
	if path != "" {
		prefix = path + ": "
	}
	d.errs = append(d.errs, failure(d.file, max(line, 1), "%s%s", prefix, fmt.Sprintf(format, args...)))
}

func (d *decoder) value(n node, path string, v reflect.Value) {
	d.lines[path] = n.line
	want := ""
	switch v.Kind() {
	case reflect.Struct:
		if members, ok := n.value.([]member); ok {
			d.object(members, path, v)
			return
		}
		want = "an object"
	case reflect.Slice:
		if list, ok := n.value.([]node); ok {
			v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
			for i, item := range list {
				d.value(item, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
			}
			return
		}
		want = "a list"
	case reflect.Map:
		if members, ok := n.value.([]member); ok {
			d.variables(members, path, v)
			return
		}
		want = "an object"
	case reflect.String:
		if s, ok := n.value.(string); ok {
			v.SetString(s)
			return
		}
		if number, ok := n.value.(json.Number); ok && v.Type() == reflect.TypeFor[Port]() {
			v.SetString(number.String())
			return
		}
		want = `a string, in double quotes`
	case reflect.Bool:
		if b, ok := n.value.(bool); ok {
			v.SetBool(b)
			return
		}
		want = "true or false"
	case reflect.Float64:
		if number, ok := n.value.(json.Number); ok {
			f, err := number.Float64()
			if err != nil {
				d.fail(path, "the number %s is too large", number)
			}
			v.SetFloat(f)
			return
		}
		want = "a number, without quotes"
	default:
		panic("devfile: no rule for " + v.Type().String())
	}
	d.fail(path, "want %s, not %s", want, n.kind())
}

// object fills a struct from members whose names are those of its JSON tags.
func (d *decoder) object(members []member, path string, v reflect.Value) {
	fields := map[string]reflect.Value{}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		fields[name] = v.Field(i)
	}
	for _, m := range d.unique(members, path) {
		if field, ok := fields[m.name]; ok {
			d.value(m.node, join(path, m.name), field)
			continue
		}
		d.errs = append(d.errs, failure(d.file, m.line, "unknown key %q%s", join(path, m.name), suggestion(m.name, fields)))
	}
}

// variables fills a map of strings.
func (d *decoder) variables(members []member, path string, v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	for _, m := range d.unique(members, path) {
		value := reflect.New(v.Type().Elem()).Elem()
		d.value(m.node, join(path, m.name), value)
		v.SetMapIndex(reflect.ValueOf(m.name), value)
	}
}

// unique reports names that are there twice and returns the first of each.
func (d *decoder) unique(members []member, path string) []member {
	first := map[string]int{}
	return slices.DeleteFunc(members, func(m member) bool {
		line, twice := first[m.name]
		if twice {
			d.errs = append(d.errs, failure(d.file, m.line, "key %q is there already, on line %d", join(path, m.name), line))
			return true
		}
		first[m.name] = m.line
		return false
	})
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// suggestion names the known keys, or the one that differs only in its case.
func suggestion(name string, known map[string]reflect.Value) string {
	var names []string
	for k := range known {
		if strings.EqualFold(strings.NewReplacer("_", "", "-", "").Replace(name), k) {
			return fmt.Sprintf(": did you mean %q?", k)
		}
		if k[0] != '$' {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	return "; known are " + strings.Join(names, ", ")
}
