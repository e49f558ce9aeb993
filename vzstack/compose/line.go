package compose

import (
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

// documents parses the project's files again. One that cannot be read has no
// lines to show, which is no failure.
func (p *Project) documents() []document {
	var docs []document
	for _, name := range slices.Concat(p.ComposeFiles, p.included) {
		data, err := os.ReadFile(name)
		var root yaml.Node
		if err != nil || yaml.Unmarshal(data, &root) != nil || len(root.Content) == 0 {
			continue
		}
		if rel, err := filepath.Rel(p.WorkingDir, name); err == nil && filepath.IsLocal(rel) {
			name = rel
		}
		docs = append(docs, document{name, root.Content[0]})
	}
	return docs
}

// locate fills in where problems are, as near as the files tell.
func (p *Project) locate(all []Problem) {
	if len(all) == 0 {
		return
	}
	docs := p.documents()
	for i := range all {
		best := 0
		for _, d := range docs {
			if line, depth := lineOf(d.root, all[i].Path); depth > best && line > 0 {
				all[i].File, all[i].Line, best = d.name, line, depth
			}
		}
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
