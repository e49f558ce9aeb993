package output

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// A Row is one line of a listing: docker's placeholder names and their texts.
// The value of "Labels" is a Labels.
type Row map[string]any

// Label returns the value of one label; templates call it.
func (r Row) Label(name string) string {
	switch l := r["Labels"].(type) {
	case Labels:
		return l[name]
	case string: // the header
		return name
	}
	return ""
}

// Labels prints as docker does: sorted, with commas between.
type Labels map[string]string

// String implements fmt.Stringer.
func (l Labels) String() string {
	pairs := make([]string, 0, len(l))
	for _, key := range slices.Sorted(maps.Keys(l)) {
		pairs = append(pairs, key+"="+l[key])
	}
	return strings.Join(pairs, ",")
}

// MarshalJSON gives the same text as String.
func (l Labels) MarshalJSON() ([]byte, error) { return json.Marshal(l.String()) }

// printable is the row as a table shows it.
func (r Row) printable() Row {
	shown := make(Row, len(r))
	for name, value := range r {
		switch v := value.(type) {
		case string:
			value = Printable(v)
		case Labels:
			labels := make(Labels, len(v))
			for key, text := range v {
				labels[Printable(key)] = Printable(text)
			}
			value = labels
		}
		shown[name] = value
	}
	return shown
}
