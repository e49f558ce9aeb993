package compose

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"vz.internal/vzstack/plan"
)

// The parser says what is wrong in many ways and hardly ever where. These are
// the ways in which it names a place.
var (
	syntaxError  = regexp.MustCompile(`(?:failed to parse (\S+): )?yaml: (?:construct errors: line \d+: line (\d+):|.*\bline (\d+))`)
	noise        = regexp.MustCompile(`^(?:failed to parse \S+: |validating \S+: |yaml: construct errors: line \d+: line \d+: )+`)
	keyPath      = regexp.MustCompile(`\b(?:services|networks|volumes|secrets|configs|include)(?:(?:\.[\w-]+|\[[\w.-]+\])+| must be )`)
	unknownKey   = regexp.MustCompile(`(\S*) ?additional properties '([^']+)'(?:, '[^']*')* not allowed`)
	falseSchema  = regexp.MustCompile(`(\S+) false schema`)
	ofService    = regexp.MustCompile(`service "([^"]+)" (depends on|refers to undefined (\w+)|has neither)`)
	ofCycle      = regexp.MustCompile(`(?:dependency cycle(?: detected)?: ([\w.-]+) ->|Circular reference: ([\w.-]+) in)`)
	ofInclude    = regexp.MustCompile(`^include cycle`)
	quotedOrLast = regexp.MustCompile(`[^\s"',()]+`)
)

// place puts the file and the line before what the parser says about files, as
// near as it can be found out, and says plainer what is wrong with a key.
func place(files []string, dir, text string) (string, bool) {
	docs := documentsOf(files, dir)
	said := text
	text = noise.ReplaceAllString(text, "")
	if m := syntaxError.FindStringSubmatch(said); m != nil && !strings.Contains(said, "decoding failed") {
		return fmt.Sprintf("%s:%s: %s", syntaxFile(files, dir, m[1]), m[2]+m[3], text), true
	}
	var path string
	switch {
	case unknownKey.MatchString(text):
		m := unknownKey.FindStringSubmatch(text)
		path = strings.TrimPrefix(m[1]+"."+m[2], ".")
		text = path + ": there is no such key"
		if m[1] != "" && !strings.Contains(m[1], ".") { // below it are names
			text = fmt.Sprintf("%s: %q is no name: want letters, digits, ., _ and -", m[1], m[2])
		}
	case falseSchema.MatchString(text):
		path = falseSchema.FindStringSubmatch(text)[1]
		text = path + ": there is no such key"
	case ofService.MatchString(text):
		m := ofService.FindStringSubmatch(text)
		path = "services." + m[1]
		switch {
		case m[2] == "depends on":
			path += ".depends_on"
		case m[3] != "":
			path += "." + m[3] + "s"
		}
	case ofCycle.MatchString(text):
		m := ofCycle.FindStringSubmatch(text)
		path = "services." + m[1] + ".depends_on"
		if m[2] != "" {
			path = "services." + m[2] + ".extends"
		}
	case ofInclude.MatchString(text):
		path = "include"
	default:
		path = strings.NewReplacer("[", ".", "]", "", " must be ", "").Replace(keyPath.FindString(text))
	}
	if file, line := nearest(docs, path); line > 0 {
		return fmt.Sprintf("%s:%d: %s", file, line, text), true
	}
	words := quotedOrLast.FindAllString(text, -1)
	slices.Reverse(words) // what is wrong comes last
	for _, word := range words {
		for _, d := range docs {
			if line := lineOfValue(d.root, strings.Trim(word, ":.")); line > 0 {
				return fmt.Sprintf("%s:%d: %s", d.name, line, text), true
			}
		}
	}
	if len(files) == 1 && files[0] != "-" {
		return relative(dir, files[0]) + ": " + text, true
	}
	return text, false
}

// nearest finds the deepest key that path leads to in any document.
func nearest(docs []document, path string) (file string, line int) {
	best := 0
	for _, d := range docs {
		if l, depth := lineOf(d.root, path); depth > best && l > 0 {
			file, line, best = d.name, l, depth
		}
	}
	return file, line
}

// syntaxFile names the file that is no YAML: the one that was named, else the
// first that does not parse.
func syntaxFile(files []string, dir, named string) string {
	if named != "" {
		return relative(dir, named)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		var root yaml.Node
		if err == nil && yaml.Unmarshal(data, &root) != nil {
			return relative(dir, name)
		}
	}
	if len(files) > 0 {
		return relative(dir, files[0])
	}
	return "-"
}

// relative shortens the name of a file in the project's directory.
func relative(dir, name string) string {
	if rel, err := filepath.Rel(dir, name); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return name
}

// lineOfValue finds the line of a scalar that is value, has it between colons,
// or is the end of it as a path.
func lineOfValue(n *yaml.Node, value string) int {
	if n.Kind == yaml.ScalarNode {
		base := filepath.Clean(n.Value)
		isPath := filepath.IsAbs(value) && len(n.Value) > 1 && strings.HasSuffix(value, string(filepath.Separator)+strings.TrimLeft(base, "./"))
		digits := strings.ContainsAny(value, "0123456789") && len(value) > 1
		if isPath || n.Value == value && len(value) > 1 || (digits || strings.Contains(n.Value, ":")) && slices.Contains(strings.Split(n.Value, ":"), value) {
			return n.Line
		}
		return 0
	}
	if n.Kind == yaml.MappingNode {
		for i := 1; i < len(n.Content); i += 2 {
			if line := lineOfValue(n.Content[i], value); line > 0 {
				return line
			}
		}
		return 0
	}
	for _, item := range n.Content {
		if line := lineOfValue(item, value); line > 0 {
			return line
		}
	}
	return 0
}

// Locate puts the file and the line before an error about a key of the project.
func (p *Project) Locate(err error) error {
	var at *plan.PathError
	if !errors.As(err, &at) {
		return err
	}
	if file, line := nearest(p.documents(), at.Path); line > 0 {
		return fmt.Errorf("%s:%d: %w", file, line, at.Err)
	}
	return at.Err
}
