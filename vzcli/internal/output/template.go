package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/template"

	"vz.internal/vzcontract"
)

// functions are docker's.
var functions = template.FuncMap{
	"json": func(v any) (string, error) {
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		err := e.Encode(v)
		return strings.TrimSuffix(b.String(), "\n"), err
	},
	"split":    func(s any, sep string) []string { return strings.Split(fmt.Sprint(s), sep) },
	"join":     join,
	"title":    func(s any) string { return title(fmt.Sprint(s)) },
	"lower":    func(s any) string { return strings.ToLower(fmt.Sprint(s)) },
	"upper":    func(s any) string { return strings.ToUpper(fmt.Sprint(s)) },
	"pad":      func(s any, before, after int) string { return pad(fmt.Sprint(s), before, after) },
	"truncate": func(s any, n int) string { return truncate(fmt.Sprint(s), n) },
	"println":  fmt.Sprintln,
}

// headFunctions leave headings as they are.
var headFunctions = template.FuncMap{
	"json":     func(s string) string { return s },
	"split":    func(s string, _ string) string { return s },
	"join":     func(s string, _ string) string { return s },
	"title":    func(s string) string { return s },
	"lower":    func(s string) string { return s },
	"upper":    func(s string) string { return s },
	"pad":      func(s string, before, after int) string { return pad(s, before, after) },
	"truncate": func(s string, n int) string { return truncate(s, n) },
	"println":  func(s string) string { return s },
}

func join(list any, sep string) (string, error) {
	switch l := list.(type) {
	case []string:
		return strings.Join(l, sep), nil
	case []any:
		words := make([]string, len(l))
		for i, v := range l {
			words[i] = fmt.Sprint(v)
		}
		return strings.Join(words, sep), nil
	}
	return "", fmt.Errorf("join wants a list, not %T", list)
}

func title(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func pad(s string, before, after int) string {
	if s == "" {
		return s
	}
	return strings.Repeat(" ", before) + s + strings.Repeat(" ", after)
}

func truncate(s string, n int) string {
	if runes := []rune(s); n >= 0 && len(runes) > n {
		return string(runes[:n])
	}
	return s
}

var escapes = strings.NewReplacer(`\t`, "\t", `\n`, "\n")

func unescape(s string) string { return escapes.Replace(s) }

func parse(text string, f template.FuncMap) (*template.Template, error) {
	t, err := template.New("format").Funcs(f).Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, badTemplate(err)
	}
	return t, nil
}

func badTemplate(err error) error {
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "template: "), "format:")
	return vzcontract.Errorf(vzcontract.ErrValidation, "--format: template %s", text)
}

// execute writes one line, or nothing when the template fails.
func execute(w io.Writer, t *template.Template, data any) error {
	var line bytes.Buffer
	if err := t.Execute(&line, data); err != nil {
		return badTemplate(err)
	}
	line.WriteByte('\n')
	_, err := w.Write(line.Bytes())
	return err
}

// Each writes one line per item through a template.
func Each[T any](w io.Writer, format string, items []T) error {
	t, err := parse(unescape(format), functions)
	if err != nil {
		return err
	}
	for _, item := range items {
		if err := execute(w, t, item); err != nil {
			return err
		}
	}
	return nil
}
