package base

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/macos/ipsw"
)

// maxFile bounds a descriptor file, in bytes.
const maxFile = 1 << 20

// Parse reads a descriptor file's text; name is only for messages. Errors match
// vzcontract.ErrValidation and name file and line.
func Parse(name string, text []byte) ([]Base, error) {
	p := &parser{name: name, text: text, dec: json.NewDecoder(bytes.NewReader(text)), lines: map[string]int{}}
	if len(text) > maxFile {
		return nil, p.fail(1, "the file is larger than %d bytes", maxFile)
	}
	p.dec.UseNumber()
	var file struct {
		Bases []Base `json:"bases"`
	}
	if err := p.value(reflect.ValueOf(&file).Elem(), ""); err != nil {
		return nil, err
	}
	if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, p.fail(p.line(), "there is more after the end of the object")
	}
	return file.Bases, p.check(file.Bases)
}

// A parser reads JSON into structs, token by token, so that it knows the lines.
type parser struct {
	name  string
	text  []byte
	dec   *json.Decoder
	lines map[string]int // by path, such as bases[1].id
}

func (p *parser) fail(line int, format string, args ...any) error {
	return vzcontract.Errorf(vzcontract.ErrValidation, "%s:%d: %s", p.name, line, fmt.Sprintf(format, args...))
}

// line is that of the last token.
func (p *parser) line() int {
	return 1 + bytes.Count(p.text[:min(int(p.dec.InputOffset()), len(p.text))], []byte("\n"))
}

func (p *parser) token() (json.Token, error) {
	t, err := p.dec.Token()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, p.fail(1+bytes.Count(p.text, []byte("\n")), "the file ends too early")
	case err != nil:
		return nil, p.fail(p.line(), "no JSON: %v", err)
	}
	return t, nil
}

// value reads the next value into v, a struct, slice, string or integer.
func (p *parser) value(v reflect.Value, path string) error {
	t, err := p.token()
	if err != nil {
		return err
	}
	p.lines[path] = p.line()
	switch want := v.Kind(); {
	case want == reflect.Struct && t == json.Delim('{'):
		return p.object(v, path)
	case want == reflect.Slice && t == json.Delim('['):
		for i := 0; p.dec.More(); i++ {
			item := reflect.New(v.Type().Elem()).Elem()
			if err := p.value(item, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
			v.Set(reflect.Append(v, item))
		}
		_, err := p.token()
		return err
	case want == reflect.String:
		if s, ok := t.(string); ok {
			v.SetString(s)
			return nil
		}
	case want == reflect.Int64:
		if number, ok := t.(json.Number); ok {
			n, err := number.Int64()
			if err != nil {
				return p.fail(p.line(), "%s: %s is no whole number", path, number)
			}
			v.SetInt(n)
			return nil
		}
	}
	names := map[reflect.Kind]string{reflect.Struct: "an object", reflect.Slice: "a list", reflect.String: "a string", reflect.Int64: "a number"}
	return p.fail(p.line(), "%s: want %s", strings.TrimPrefix(path, "."), names[v.Kind()])
}

func (p *parser) object(v reflect.Value, path string) error {
	fields, seen, known := map[string]reflect.Value{}, map[string]bool{}, []string{}
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("json")
		fields[name], known = v.Field(i), append(known, name)
	}
	for p.dec.More() {
		t, err := p.token()
		if err != nil {
			return err
		}
		name, _ := t.(string) // the decoder allows nothing else here
		field, ok := fields[name]
		at := strings.TrimPrefix(path+"."+name, ".")
		switch {
		case !ok:
			return p.fail(p.line(), "unknown key %q; known are %s", at, strings.Join(known, ", "))
		case seen[name]:
			return p.fail(p.line(), "the key %q is there already", at)
		}
		seen[name] = true
		if err := p.value(field, at); err != nil {
			return err
		}
	}
	_, err := p.token()
	return err
}

// check looks at what the values mean.
func (p *parser) check(all []Base) error {
	var errs []error
	ids := map[string]bool{}
	for _, b := range all {
		ids[b.ID] = true
	}
	seen := map[string]bool{}
	for i, b := range all {
		path := fmt.Sprintf("bases[%d]", i)
		bad := func(field, format string, args ...any) {
			line := p.lines[path+"."+field]
			if line == 0 {
				line = p.lines[path]
			}
			errs = append(errs, p.fail(line, "%s.%s: %s", path, field, fmt.Sprintf(format, args...)))
		}
		if !vzcontract.ValidName(b.ID) || b.ID == Stable || b.ID == Previous || seen[b.ID] {
			bad("id", "%q is there twice, the name of a channel, or not letters, digits, dots, dashes", b.ID)
		}
		seen[b.ID] = true
		if b.Channel != Stable && b.Channel != Previous {
			bad("channel", "%q is not %s or %s", b.Channel, Stable, Previous)
		}
		if u, err := url.Parse(b.IPSW.URL); err != nil || u.Scheme != "https" && (u.Scheme != "http" || !b.Pinned()) || u.Host == "" || u.User != nil {
			bad("ipsw.url", "%q is no https address without a password", b.IPSW.URL)
		}
		if b.IPSW.SHA256 != "" && !ipsw.ValidDigest(b.IPSW.SHA256) {
			bad("ipsw.sha256", "%q is not 64 hexadecimal digits in lower case; leave it empty if it is not known", b.IPSW.SHA256)
		}
		if b.IPSW.Size < 0 {
			bad("ipsw.size", "%d is less than nothing", b.IPSW.Size)
		}
		switch b.Support {
		case Supported:
			if b.Replacement != "" {
				bad("replacement", "%q, but the base is supported", b.Replacement)
			}
		case Deprecated, Withdrawn:
			if !ids[b.Replacement] || b.Replacement == b.ID {
				bad("replacement", "%q is no other base of this file; a base that is %s needs one", b.Replacement, b.Support)
			}
		default:
			bad("support", "%q is not %s, %s or %s", b.Support, Supported, Deprecated, Withdrawn)
		}
	}
	return errors.Join(errs...)
}
