package output

import (
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

// Filters are the parsed --filter flags: values of one key are alternatives,
// keys must all hold.
type Filters map[string][]string

// ParseFilters reads KEY=VALUE words and refuses keys that are not known.
func ParseFilters(words []string, known ...string) (Filters, error) {
	f := Filters{}
	for _, word := range words {
		key, value, ok := strings.Cut(word, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		if !ok {
			return nil, vzcontract.Errorf(vzcontract.ErrValidation, "--filter %s: want KEY=VALUE", word)
		}
		if !slices.Contains(known, key) {
			return nil, vzcontract.Errorf(vzcontract.ErrValidation, "--filter %s: unknown key %s; known are %s", word, key, strings.Join(known, ", "))
		}
		f[key] = append(f[key], strings.TrimSpace(value))
	}
	return f, nil
}

// Match reports whether a key is not asked for or ok holds for one of its values.
func (f Filters) Match(key string, ok func(value string) bool) bool {
	values, asked := f[key]
	return !asked || slices.ContainsFunc(values, ok)
}

// MatchLabels reports whether all label filters hold and none of label!; each
// is KEY or KEY=VALUE.
func (f Filters) MatchLabels(labels map[string]string) bool {
	has := func(want string) bool {
		key, value, exact := strings.Cut(want, "=")
		have, ok := labels[key]
		return ok && (!exact || have == value)
	}
	return !slices.ContainsFunc(f["label"], func(want string) bool { return !has(want) }) && !slices.ContainsFunc(f["label!"], has)
}

// Bool reads a filter whose value is true or false.
func (f Filters) Bool(key string) (value, asked bool, err error) {
	if len(f[key]) == 0 {
		return false, false, nil
	}
	v := f[key][0]
	switch strings.ToLower(v) {
	case "1", "true", "t":
		return true, true, nil
	case "0", "false", "f":
		return false, true, nil
	}
	return false, true, vzcontract.Errorf(vzcontract.ErrValidation, "--filter %s=%s: want true or false", key, v)
}
