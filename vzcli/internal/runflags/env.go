package runflags

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Environment joins --env-file and --env; a name without a value takes the
// value that vz itself has, and is left out where there is none.
func Environment(files, words []string) ([]string, error) {
	var env []string
	for _, name := range files {
		lines, err := keyValueFile("env-file", name, os.LookupEnv)
		if err != nil {
			return nil, err
		}
		env = append(env, lines...)
	}
	for _, word := range words {
		key, _, has := strings.Cut(word, "=")
		if key == "" {
			return nil, bad("env", word, "the name is empty")
		}
		if !has {
			value, ok := os.LookupEnv(key)
			if !ok {
				continue
			}
			word = key + "=" + value
		}
		env = append(env, word)
	}
	return env, nil
}

// labels joins --label-file and --label.
func labels(files, words []string) (map[string]string, error) {
	var all []string
	for _, name := range files {
		lines, err := keyValueFile("label-file", name, func(string) (string, bool) { return "", true })
		if err != nil {
			return nil, err
		}
		all = append(all, lines...)
	}
	var set map[string]string
	for _, word := range append(all, words...) {
		key, value, _ := strings.Cut(word, "=")
		if key == "" {
			return nil, bad("label", word, "the name is empty")
		}
		set = put(set, key, value)
	}
	return set, nil
}

// Labels reads the values of --label of other commands.
func Labels(words []string) (map[string]string, error) { return labels(nil, words) }

// reason is an error without the path that the message names already.
func reason(err error) error {
	pathErr := new(fs.PathError)
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// keyValueFile reads KEY=VALUE lines; missing gives the value of a bare KEY.
func keyValueFile(flag, name string, missing func(string) (string, bool)) ([]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, bad(flag, name, "%v", reason(err))
	}
	defer f.Close()
	var out []string
	scanner := bufio.NewScanner(f)
	scanner.Buffer(nil, 1<<20)
	for n := 1; scanner.Scan(); n++ {
		line := scanner.Text()
		if n == 1 {
			line = strings.TrimPrefix(line, "\uFEFF")
		}
		if !utf8.ValidString(line) {
			return nil, bad(flag, name, "line %d is not UTF-8", n)
		}
		line = strings.TrimLeftFunc(line, unicode.IsSpace)
		if line == "" || line[0] == '#' {
			continue
		}
		key, _, has := strings.Cut(line, "=")
		if key == "" || strings.ContainsFunc(key, unicode.IsSpace) {
			return nil, bad(flag, name, "line %d: %q is no name for a variable", n, key)
		}
		if !has {
			value, ok := missing(key)
			if !ok {
				continue
			}
			line = key + "=" + value
		}
		out = append(out, line)
	}
	if err := scanner.Err(); err != nil {
		return nil, bad(flag, name, "%v", err)
	}
	return out, nil
}
