package cli

import (
	"reflect"
	"strings"
	"unicode"
)

// quick parses what is mostly typed, as kong would, without a grammar: to build
// that one costs `vz run` more than all else it does with a command line. It
// knows verbs whose only positional takes the rest of the line, switches, and
// flags of strings. For all else, errors too, it reports false, and kong has to
// parse args into a new verb.
func quick(verb any, common *late, args []string) bool {
	var q quickFields
	if !q.collect(reflect.ValueOf(verb).Elem()) || !q.collect(reflect.ValueOf(common).Elem()) || !q.rest.IsValid() {
		return false
	}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name, value, has := strings.Cut(args[0], "=")
		args = args[1:]
		f, ok := q.find(name)
		if !ok || f.Addr().Interface() == &common.Help {
			return false
		}
		if f.Kind() == reflect.Bool {
			if has {
				return false
			}
			f.SetBool(true)
			continue
		}
		if !has && len(args) > 0 {
			value, args = args[0], args[1:]
		}
		if value == "" {
			return false
		}
		switch target := f.Addr().Interface().(type) {
		case *string:
			*target = value
		case **string:
			*target = &value
		case *[]string:
			*target = append(*target, value)
		default:
			return false
		}
	}
	for _, arg := range args {
		if arg == "--" {
			return false
		}
	}
	if len(args) > 0 {
		q.rest.Set(reflect.ValueOf(args))
	}
	return len(args) > 0
}

// quickFields are the fields of a grammar.
type quickFields struct {
	flags []quickFlag
	rest  reflect.Value // the positional
}

type quickFlag struct {
	field reflect.StructField
	value reflect.Value
}

// collect gathers the fields of a struct and sets defaults. It reports false
// for a grammar that is not simple.
func (q *quickFields) collect(v reflect.Value) bool {
	t := v.Type()
	for i := range t.NumField() {
		f := quickFlag{field: t.Field(i), value: v.Field(i)}
		tag := f.field.Tag
		if !f.field.IsExported() && !f.field.Anonymous {
			continue
		}
		_, embedded := tag.Lookup("embed")
		if embedded || f.field.Anonymous {
			if f.value.Kind() != reflect.Struct || !q.collect(f.value) {
				return false
			}
			continue
		}
		if _, ok := tag.Lookup("arg"); ok {
			if q.rest.IsValid() || tag.Get("passthrough") != "partial" || f.field.Type != reflect.TypeFor[[]string]() {
				return false
			}
			q.rest = f.value
			continue
		}
		if d := tag.Get("default"); d != "" {
			switch {
			case f.value.Kind() == reflect.String:
				f.value.SetString(d)
			case f.value.Kind() == reflect.Bool && d == "true":
				f.value.SetBool(true)
			default:
				return false
			}
		}
		q.flags = append(q.flags, f)
	}
	return true
}

// find returns the field of a flag that is given as "--name" or "-n".
func (q *quickFields) find(flag string) (reflect.Value, bool) {
	name, long := strings.CutPrefix(flag, "--")
	for _, f := range q.flags {
		tag := f.field.Tag
		if !long {
			if short := tag.Get("short"); short != "" && flag[1:] == short {
				return f.value, f.value.Kind() != reflect.Slice || tag.Get("sep") == "none"
			}
			continue
		}
		own := tag.Get("name")
		if own == "" {
			own = dashed(f.field.Name)
		}
		if own == name {
			return f.value, f.value.Kind() != reflect.Slice || tag.Get("sep") == "none"
		}
	}
	return reflect.Value{}, false
}

// dashed is the flag of a field without a name of its own.
func dashed(field string) string {
	var b strings.Builder
	for i, c := range field {
		if unicode.IsUpper(c) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
