package image

import (
	"slices"
	"strings"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

// A filter is the --filter flags of images.
type filter struct {
	output.Filters
	dangling, asksDangling bool
	before, since, until   time.Time
}

func newFilter(words []string, all []vzcontract.ImageInfo) (*filter, error) {
	parsed, err := output.ParseFilters(words, "dangling", "label", "before", "since", "until", "reference")
	if err != nil {
		return nil, err
	}
	f := &filter{Filters: parsed}
	if f.dangling, f.asksDangling, err = parsed.Bool("dangling"); err != nil {
		return nil, err
	}
	for key, at := range map[string]*time.Time{"before": &f.before, "since": &f.since} {
		for _, name := range parsed[key] {
			i := slices.IndexFunc(all, func(info vzcontract.ImageInfo) bool { return names(info, name) })
			if i < 0 {
				return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "--filter %s=%s: no such image", key, name)
			}
			*at = all[i].Created
		}
	}
	for _, s := range parsed["until"] {
		if f.until, err = command.ParseTime("filter until", s, time.Now()); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func names(info vzcontract.ImageInfo, name string) bool {
	return slices.Contains(info.References, name) || slices.Contains(info.References, name+":latest") ||
		strings.HasPrefix(info.ID, name) || strings.HasPrefix(strings.TrimPrefix(info.ID, "sha256:"), name)
}

func (f *filter) ok(info vzcontract.ImageInfo) bool {
	return f.MatchLabels(info.Config.Labels) &&
		(!f.asksDangling || f.dangling == (len(info.References) == 0)) &&
		(f.before.IsZero() || info.Created.Before(f.before)) &&
		(f.since.IsZero() || info.Created.After(f.since)) &&
		(f.until.IsZero() || info.Created.Before(f.until))
}

func (f *filter) reference(ref, repo string) bool {
	return f.Match("reference", func(pattern string) bool { return matchName(pattern, ref, repo) })
}
