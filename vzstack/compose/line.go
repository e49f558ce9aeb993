package compose

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A document is a file as it was written, with the lines of its keys.
type document struct {
	name string
	root *yaml.Node
}

// documents parses the project's files again.
func (p *Project) documents() []document {
	return documentsOf(slices.Concat(p.ComposeFiles, p.included), p.WorkingDir)
}

// maxDocuments bounds how many files are read to find a line.
const maxDocuments = 100

// documentsOf parses files and those that they include or extend. One that
// cannot be read has no lines to show, which is no failure.
func documentsOf(files []string, dir string) []document {
	var docs []document
	files = slices.Clone(files)
	for i := 0; i < len(files) && i < maxDocuments; i++ {
		data, err := os.ReadFile(files[i])
		var root yaml.Node
		if err != nil || yaml.Unmarshal(data, &root) != nil || len(root.Content) == 0 {
			continue
		}
		docs = append(docs, document{relative(dir, files[i]), root.Content[0]})
		for _, other := range others(root.Content[0]) {
			if !filepath.IsAbs(other) {
				other = filepath.Join(filepath.Dir(files[i]), other)
			}
			if !slices.Contains(files, other) {
				files = append(files, other)
			}
		}
	}
	return docs
}

// others lists the files that a document includes or extends.
func others(root *yaml.Node) (files []string) {
	var document struct {
		Include  []yaml.Node
		Services map[string]struct{ Extends yaml.Node }
	}
	_ = root.Decode(&document) // what is of another kind names no files
	for i := range document.Include {
		var long struct{ Path yaml.Node }
		_ = document.Include[i].Decode(&long) // or the short form
		for _, n := range []*yaml.Node{&document.Include[i], &long.Path} {
			var one string
			var many []string
			if n.Decode(&one) == nil && one != "" {
				files = append(files, one)
			} else if n.Decode(&many) == nil {
				files = append(files, many...)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(document.Services)) {
		var extends struct{ File string }
		n := document.Services[name].Extends
		if n.Decode(&extends) == nil && extends.File != "" {
			files = append(files, extends.File)
		}
	}
	return files
}

// locate fills in where problems are, as near as the files tell.
func (p *Project) locate(all []Problem) {
	if len(all) == 0 {
		return
	}
	docs := p.documents()
	for i := range all {
		all[i].File, all[i].Line = nearest(docs, all[i].Path)
	}
}

// lineOf follows path as far as the node has it.
func lineOf(n *yaml.Node, path string) (line, depth int) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if path == "" {
		return 0, 0
	}
	switch n.Kind {
	case yaml.SequenceNode:
		for _, item := range n.Content {
			if l, d := lineOf(item, path); d > depth {
				line, depth = l, d
			}
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if key.Value == "<<" {
				if l, d := lineOf(value, path); d > depth {
					line, depth = l, d
				}
				continue
			}
			rest, ok := strings.CutPrefix(path, key.Value)
			if !ok || rest != "" && rest[0] != '.' && rest[0] != '[' {
				continue
			}
			l, d := lineOf(value, strings.TrimLeft(strings.TrimPrefix(rest, "[]"), "."))
			if l == 0 {
				l = key.Line
			}
			if d+1 > depth {
				line, depth = l, d+1
			}
		}
	}
	return line, depth
}
