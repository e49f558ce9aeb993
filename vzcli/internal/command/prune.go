package command

import (
	"errors"
	"time"

	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

// A PruneFilter says which of what nothing uses is to be removed.
type PruneFilter struct {
	output.Filters
	until time.Time
}

// ParsePruneFilter reads the --filter flags of a prune. Each knows some of
// label, label!, until and others; an unknown one is an error.
func ParsePruneFilter(words []string, known ...string) (PruneFilter, error) {
	parsed, err := output.ParseFilters(words, known...)
	f := PruneFilter{Filters: parsed}
	if err != nil {
		return f, err
	}
	now := time.Now()
	for _, v := range f.Filters["until"] {
		t, err := ParseTime("filter until", v, now)
		if err != nil {
			return f, err
		}
		if f.until.IsZero() || t.Before(f.until) {
			f.until = t
		}
	}
	return f, nil
}

// Match reports whether what was created then and has the labels is meant.
func (f PruneFilter) Match(labels map[string]string, created time.Time) bool {
	return f.MatchLabels(labels) && (f.until.IsZero() || created.Before(f.until))
}

// Meanwhile reports whether a removal failed because something else has removed
// the thing, or has begun to use it.
func Meanwhile(err error) bool {
	return errors.Is(err, vzcontract.ErrNotFound) || errors.Is(err, vzcontract.ErrConflict)
}

// PrintReport prints what a prune removed, below a title, and what that freed.
func PrintReport(env *Env, title string, report vzcontract.PruneReport) error {
	err := PrintRemoved(env, title, report.Removed)
	return errors.Join(err, PrintLine(env, "Total reclaimed space: "+output.Size(report.Freed)))
}

// PrintRemoved prints names below a title, and nothing without any.
func PrintRemoved(env *Env, title string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	errs := []error{PrintLine(env, title)}
	for _, name := range names {
		errs = append(errs, PrintLine(env, name))
	}
	return errors.Join(append(errs, PrintLine(env, ""))...)
}
