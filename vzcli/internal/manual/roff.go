package manual

import (
	"fmt"
	"strings"
)

// roff writes a page in the man macros. All text is escaped.
type roff struct{ b strings.Builder }

var escapes = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`)

// escape keeps text from being read as a request or a hyphen.
func escape(text string) string {
	text = escapes.Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}

// title begins the page. Its date is not written, so that a page changes only
// with what it says.
func (r *roff) title(name, version string) {
	fmt.Fprintf(&r.b, ".TH \"%s\" \"1\" \"\" \"vz %s\" \"vz manual\"\n.nh\n.ad l\n", escape(strings.ToUpper(name)), escape(version))
}

func (r *roff) section(name string) { fmt.Fprintf(&r.b, ".SH %s\n", name) }

func (r *roff) paragraph(text string) { fmt.Fprintf(&r.b, ".PP\n%s\n", escape(text)) }

// term is one entry of a list: what it is about in bold, then its text.
func (r *roff) term(term, text string) {
	fmt.Fprintf(&r.b, ".TP\n\\fB%s\\fR\n%s\n", escape(term), escape(text))
}

// verbatim keeps lines as they are.
func (r *roff) verbatim(text string) {
	r.b.WriteString(".PP\n.nf\n")
	for line := range strings.Lines(text) {
		fmt.Fprintf(&r.b, "%s\n", escape(strings.TrimRight(line, "\n")))
	}
	r.b.WriteString(".fi\n")
}
