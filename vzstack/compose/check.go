package compose

import (
	"context"
	"errors"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A Row says what becomes of one key in one place of a file.
type Row struct {
	Path string `json:"path"`
	// Key is the path as the table of keys has it.
	Key    string `json:"key,omitempty"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Status Status `json:"status"`
	Note   string `json:"note,omitempty"`
}

// Check lists every key that the project's files use, in their order, with
// what becomes of it. The error is one that is no refusal, such as a missing
// secret.
func (p *Project) Check(ctx context.Context, host Host) ([]Row, error) {
	var rows []Row
	table := newKeyTable()
	for _, d := range p.documents() {
		reader := rowReader{table: table, doc: d.name, rows: &rows}
		reader.read(d.root, "", "")
	}
	_, err := p.Desired(ctx, host)
	var refused *Refused
	if !errors.As(err, &refused) {
		return rows, err
	}
	for _, problem := range refused.Problems {
		found := false
		for i := range rows {
			if rows[i].Path == problem.Path {
				rows[i].Status, rows[i].Note, found = Refuse, problem.Reason, true
			}
		}
		if !found {
			rows = append(rows, Row{Path: problem.Path, File: problem.File, Line: problem.Line, Status: Refuse, Note: problem.Reason})
		}
	}
	return rows, nil
}

// A rowReader turns one document into rows.
type rowReader struct {
	table keyTable
	doc   string
	rows  *[]Row
}

func (r rowReader) read(n *yaml.Node, path, pattern string) {
	switch n.Kind {
	case yaml.AliasNode:
		r.read(n.Alias, path, pattern)
	case yaml.SequenceNode:
		for _, item := range n.Content {
			if item.Kind == yaml.MappingNode {
				r.read(item, path+"[]", pattern+"[]")
			}
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			r.entry(n.Content[i], n.Content[i+1], path, pattern)
		}
	}
}

func (r rowReader) entry(key, value *yaml.Node, path, pattern string) {
	if key.Value == "<<" {
		r.read(value, path, pattern)
		return
	}
	join := func(a, b string) string { return strings.TrimPrefix(a+"."+b, ".") }
	next, nextPattern := join(path, key.Value), join(pattern, key.Value)
	if r.names(pattern) {
		r.read(value, next, pattern+".*")
		return
	}
	k, known := r.table.find(nextPattern)
	switch {
	case strings.HasPrefix(key.Value, "x-") && !known:
		return
	case !known && r.leaf(pattern):
		return // a label, a variable or the like
	case !known:
		k = Key{Status: Refuse, Note: "this version of vz does not know the key"}
	}
	*r.rows = append(*r.rows, Row{Path: next, Key: k.Path, File: r.doc, Line: key.Line, Status: k.Status, Note: k.Note})
	if k.Status == Honoured {
		r.read(value, next, nextPattern)
	}
}

// names reports whether the members of pattern are names that people choose.
func (r rowReader) names(pattern string) bool { return r.below(pattern + ".*") }

// leaf reports whether the table knows pattern and nothing below it.
func (r rowReader) leaf(pattern string) bool {
	_, known := r.table[pattern]
	return known && !r.below(pattern)
}

func (r rowReader) below(pattern string) bool {
	for path := range r.table {
		if strings.HasPrefix(path, pattern+".") || strings.HasPrefix(path, pattern+"[") {
			return true
		}
	}
	return false
}
