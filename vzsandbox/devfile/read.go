package devfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"unicode/utf8"

	"vz.internal/vzcontract"
)

const (
	maxSize  = 1 << 20
	maxDepth = 16
)

// Find returns the nearest vz.json of dir and the directories above it. Without
// one the error matches vzcontract.ErrNotFound.
func Find(dir string) (file string, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		file := filepath.Join(at, Name)
		_, err := os.Lstat(file)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		if at == filepath.Dir(at) {
			return "", vzcontract.Errorf(vzcontract.ErrNotFound, "no %s in %s or a directory above it; vz init writes one", Name, dir)
		}
	}
}

// Load reads and checks a file; see [Parse].
func Load(file string) (File, error) {
	info, err := os.Stat(file)
	if err != nil {
		return File{}, err
	}
	if !info.Mode().IsRegular() {
		return File{}, vzcontract.Errorf(vzcontract.ErrValidation, "%s: want a file, not a %s", file, kindOf(info.Mode()))
	}
	f, err := os.Open(file)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return File{}, err
	}
	return Parse(file, data)
}

func kindOf(m os.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m&os.ModeNamedPipe != 0:
		return "fifo"
	}
	return "device"
}

// A node is a JSON value and the line on which it starts.
type node struct {
	line  int
	value any // string, bool, json.Number, nil, []node or []member
}

type member struct {
	name string
	line int
	node
}

// kind is what a person calls it.
func (n node) kind() string {
	switch n.value.(type) {
	case string:
		return "a string"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case []node:
		return "a list"
	case []member:
		return "an object"
	}
	return "null"
}

// A reader makes nodes of the text of a file.
type reader struct {
	file string
	text []byte
	dec  *json.Decoder
}

func read(file string, text []byte) (node, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	r := &reader{file: file, text: text, dec: json.NewDecoder(bytes.NewReader(text))}
	r.dec.UseNumber()
	if len(text) > maxSize {
		return node{}, r.fail(0, "the file is larger than %d bytes", maxSize)
	}
	for i := 0; i < len(text); {
		char, size := utf8.DecodeRune(text[i:])
		if char == utf8.RuneError && size == 1 {
			return node{}, r.fail(i, "the text is not UTF-8")
		}
		i += size
	}
	root, err := r.next(0)
	if err != nil {
		return node{}, err
	}
	rest := bytes.TrimLeft(text[r.dec.InputOffset():], " \t\r\n")
	if len(rest) == 0 {
		return root, nil
	}
	at := len(text) - len(rest)
	if err := r.comment(at); err != nil {
		return node{}, err
	}
	return node{}, r.fail(at, "there is more after the end of the object")
}

// next reads one value.
func (r *reader) next(depth int) (node, error) {
	if depth > maxDepth {
		return node{}, r.fail(r.position(), "the values are nested too deeply")
	}
	token, err := r.token()
	if err != nil {
		return node{}, err
	}
	n := node{line: r.line(int(r.dec.InputOffset())), value: token}
	switch token {
	case json.Delim('['):
		list := []node{}
		for r.dec.More() {
			item, err := r.next(depth + 1)
			if err != nil {
				return n, err
			}
			list = append(list, item)
		}
		n.value = list
	case json.Delim('{'):
		members := []member{}
		for r.dec.More() {
			name, err := r.token()
			if err != nil {
				return n, err
			}
			m := member{line: r.line(int(r.dec.InputOffset()))}
			m.name, _ = name.(string) // the decoder allows nothing else here
			if m.node, err = r.next(depth + 1); err != nil {
				return n, err
			}
			members = append(members, m)
		}
		n.value = members
	default:
		return n, nil
	}
	_, err = r.token() // the closing bracket
	return n, err
}

func (r *reader) token() (json.Token, error) {
	token, err := r.dec.Token()
	if err == nil {
		return token, nil
	}
	at := r.position()
	if err := r.comment(at); err != nil {
		return nil, err
	}
	switch {
	case at >= len(r.text) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, r.fail(len(r.text), "the file ends too early: a value, a quote or a closing bracket is missing")
	case r.text[at] == '}' || r.text[at] == ']':
		return nil, r.fail(at, "a comma before %c, or a value that is missing", r.text[at])
	case r.text[at] == '\'':
		return nil, r.fail(at, "strings are in double quotes")
	}
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return nil, r.fail(at, "%v", err)
	}
	return nil, r.fail(at, "no JSON: %v", syntax)
}

// position is where the next token is, or what stands there in its place.
func (r *reader) position() int {
	at := int(r.dec.InputOffset())
	for at < len(r.text) && bytes.IndexByte([]byte(" \t\r\n,:"), r.text[at]) >= 0 {
		at++
	}
	return at
}

func (r *reader) comment(at int) error {
	for _, start := range []string{"//", "/*", "#"} {
		if bytes.HasPrefix(r.text[at:], []byte(start)) {
			return r.fail(at, "comments are not allowed in JSON")
		}
	}
	return nil
}

func (r *reader) line(offset int) int {
	return 1 + bytes.Count(r.text[:min(offset, len(r.text))], []byte("\n"))
}

func (r *reader) fail(offset int, format string, args ...any) error {
	return failure(r.file, r.line(offset), format, args...)
}

func failure(file string, line int, format string, args ...any) error {
	return vzcontract.Errorf(vzcontract.ErrValidation, "%s:%d: %s", file, line, fmt.Sprintf(format, args...))
}
