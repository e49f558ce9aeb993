package output

import (
	"bytes"
	"encoding/json"
	"io"
)

// Documents prints values as docker inspect does: an indented JSON array, or
// each through a template. Templates see the Go fields first and, where that
// fails, the names of the JSON, so both .ID and .Id work. What a map has not, such as a
// label, is <no value>.
func Documents[T any](w io.Writer, format string, values []T) error {
	switch format {
	case "":
		if values == nil {
			values = []T{}
		}
		return encode(w, values, "    ")
	case "json":
		for _, v := range values {
			if err := encode(w, v, ""); err != nil {
				return err
			}
		}
		return nil
	}
	t, err := parse(unescape(format), functions)
	if err != nil {
		return err
	}
	for _, v := range values {
		err := execute(w, t.Option("missingkey=default"), v)
		if err == nil {
			continue
		}
		raw, rawErr := toMap(v)
		if rawErr != nil {
			return rawErr
		}
		if execute(w, t.Option("missingkey=error"), raw) != nil {
			return err
		}
	}
	return nil
}

// Inspected prints values as [Documents] does, but with the format json as one
// array without indentation, as docker inspect has it.
func Inspected[T any](w io.Writer, format string, values []T) error {
	if format == "json" {
		return encode(w, append([]T{}, values...), "")
	}
	return Documents(w, format, values)
}

func encode(w io.Writer, v any, indent string) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	return e.Encode(v)
}

func toMap(v any) (any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // large counters stay digits
	var raw any
	err = d.Decode(&raw)
	return raw, err
}
