package compose

import (
	"fmt"
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

// A Problem is a key of a file that cannot be honoured.
type Problem struct {
	// Path is where it is, as "services.web.logging.driver".
	Path string `json:"path"`
	// File and Line are where it was found; Line 0 is not known.
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Reason string `json:"reason"`
}

// String gives "file:line: path: reason".
func (p Problem) String() string {
	s := p.Path + ": " + p.Reason
	if p.Line > 0 {
		s = fmt.Sprintf("%s:%d: %s", p.File, p.Line, s)
	}
	return s
}

// Refused are all problems of a project.
type Refused struct{ Problems []Problem }

// Error implements error, one line per problem.
func (r *Refused) Error() string {
	lines := make([]string, len(r.Problems))
	for i, p := range r.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives one error per problem, so that each is printed on a line.
func (r *Refused) Unwrap() []error {
	all := make([]error, len(r.Problems))
	for i, p := range r.Problems {
		all[i] = vzcontract.Errorf(vzcontract.ErrUnsupported, "%s", p)
	}
	return all
}

// problems collects what a translation cannot honour.
type problems struct {
	at  string
	all *[]Problem
}

// below is the same collection at a path further down.
func (p problems) below(format string, args ...any) problems {
	p.at = strings.TrimPrefix(p.at+"."+fmt.Sprintf(format, args...), ".")
	return p
}

// add notes that key, below the present path, cannot be honoured.
func (p problems) add(key, format string, args ...any) {
	path := p.at
	if key != "" {
		path = p.below("%s", key).at
	}
	problem := Problem{Path: path, Reason: fmt.Sprintf(format, args...)}
	if !slices.Contains(*p.all, problem) {
		*p.all = append(*p.all, problem)
	}
}
