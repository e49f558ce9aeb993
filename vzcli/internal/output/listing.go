package output

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// A Listing describes a table: which columns it has by default and the heading
// of every placeholder.
type Listing struct {
	// Columns are the placeholders of the default table, in order.
	Columns []string
	// Quiet is the placeholder that -q prints.
	Quiet string
	// Headers maps placeholders to headings; a missing one is its name in
	// capitals.
	Headers map[string]string
	// Sample is a row with all placeholders, for when there are no rows; nil where the
	// columns are all.
	Sample func() Row
	// Array: the format json is one array, as docker compose prints some of its
	// listings; else each row is a line.
	Array bool
}

// Options are the flags that all listings have.
type Options struct {
	// Format is "", "table", "table TEMPLATE", "json" or a template.
	Format string
	Quiet  bool
	// NoHeader leaves the headings out.
	NoHeader bool
}

// Print writes rows. A template that is wrong gives an error before any output.
func (l Listing) Print(w io.Writer, opts Options, rows []Row) error {
	if opts.Quiet && (opts.Format == "" || opts.Format == "table") {
		return l.quiet(w, rows)
	}
	switch format := opts.Format; {
	case format == "" || format == "table":
		return l.table(w, "{{."+strings.Join(l.Columns, "}}\t{{.")+"}}", opts, rows)
	case format == "json":
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		if l.Array {
			return encoder.Encode(append([]Row{}, rows...))
		}
		for _, row := range rows {
			if err := encoder.Encode(row); err != nil {
				return err
			}
		}
		return nil
	case strings.HasPrefix(format, "table "):
		return l.table(w, unescape(strings.TrimPrefix(format, "table ")), opts, rows)
	default:
		if len(rows) == 0 && l.Sample != nil {
			return Each(io.Discard, format, []Row{l.Sample()}) // it may be wrong
		}
		return Each(w, format, rows)
	}
}

func (l Listing) quiet(w io.Writer, rows []Row) error {
	for _, row := range rows {
		if _, err := fmt.Fprintln(w, row[l.Quiet]); err != nil {
			return err
		}
	}
	return nil
}

func (l Listing) table(w io.Writer, text string, opts Options, rows []Row) error {
	body, err := parse(text, functions)
	if err != nil {
		return err
	}
	head, err := parse(text, headFunctions)
	if err != nil {
		return err
	}
	tab := tabwriter.NewWriter(w, 10, 1, 3, ' ', 0)
	if !opts.NoHeader {
		if err := execute(tab, head, l.header(rows)); err != nil {
			return err
		}
	}
	for _, row := range rows {
		if err := execute(tab, body, row.printable()); err != nil {
			return err
		}
	}
	return tab.Flush()
}

func (l Listing) header(rows []Row) Row {
	head := Row{}
	for _, name := range l.Columns {
		head[name] = strings.ToUpper(name)
	}
	if len(rows) == 0 && l.Sample != nil {
		rows = []Row{l.Sample()}
	}
	for _, row := range rows {
		for name := range row {
			head[name] = strings.ToUpper(name)
		}
	}
	for name, text := range l.Headers {
		head[name] = text
	}
	return head
}
