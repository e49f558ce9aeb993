package vzoci

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/store"
)

// PruneImages implements vzcontract.Images. What a container or a pull in
// flight uses stays. Filters: label (key or key=value, several must all match), label! (none may),
// until (a time or how long ago) and dangling (false is opts.All).
func (s *Store) PruneImages(ctx context.Context, opts vzcontract.PruneImagesOptions) (vzcontract.PruneReport, error) {
	report := vzcontract.PruneReport{Removed: []string{}}
	match, err := newPruneFilter(opts, time.Now())
	if err != nil {
		return report, err
	}
	report.Freed, err = s.store.Remove(ctx, func(c store.Contents) (store.Removal, error) {
		r := store.Removal{Objects: store.All}
		for _, img := range c.Images {
			refs := slices.Clone(c.Refs)
			refs = slices.DeleteFunc(refs, func(ref store.Ref) bool { return ref.Image != img.ID() })
			tagged := slices.ContainsFunc(refs, func(ref store.Ref) bool { return !ref.ByDigest() })
			if tagged && !match.all || len(users(c.Leases, img)) > 0 || !match.ok(img) {
				continue
			}
			r.Images = append(r.Images, img)
			r.Refs = append(r.Refs, refs...)
			report.Removed = append(report.Removed, img.Info.ID)
		}
		return r, nil
	})
	if err != nil {
		return vzcontract.PruneReport{Removed: []string{}}, failure("prune", "", err)
	}
	slices.Sort(report.Removed)
	return report, nil
}

// pruneFilter is what PruneImagesOptions say.
type pruneFilter struct {
	all    bool
	labels []string
	not    []string   // labels
	until  *time.Time // nil for any
}

func newPruneFilter(opts vzcontract.PruneImagesOptions, now time.Time) (*pruneFilter, error) {
	f := &pruneFilter{all: opts.All}
	for key, values := range opts.Filters {
		for _, value := range values {
			if err := f.add(key, value, now); err != nil {
				return nil, err
			}
		}
	}
	return f, nil
}

func (f *pruneFilter) add(key, value string, now time.Time) error {
	switch key {
	case "label":
		f.labels = append(f.labels, value)
	case "label!":
		f.not = append(f.not, value)
	case "dangling":
		only, err := strconv.ParseBool(value)
		if err != nil {
			return vzcontract.Errorf(vzcontract.ErrValidation, "filter dangling=%s: must be true or false", value)
		}
		f.all = f.all || !only
	case "until":
		t, err := parseTime(value, now)
		if err != nil {
			return err
		}
		if f.until == nil || t.Before(*f.until) {
			f.until = &t
		}
	default:
		return vzcontract.Errorf(vzcontract.ErrValidation, "filter %s: unknown; there are label, label!, until and dangling", key)
	}
	return nil
}

func (f *pruneFilter) ok(img store.Image) bool {
	has := func(label string) bool {
		key, value, exact := strings.Cut(label, "=")
		got, has := img.Info.Config.Labels[key]
		return has && (!exact || got == value)
	}
	lacks := func(label string) bool { return !has(label) }
	if slices.ContainsFunc(f.labels, lacks) || slices.ContainsFunc(f.not, has) {
		return false
	}
	return f.until == nil || img.Info.Created.Before(*f.until)
}

// parseTime reads what docker takes: a date, a Unix time, or how long ago.
func parseTime(s string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(form, s, time.Local); err == nil {
			return t, nil
		}
	}
	if sec, err := strconv.ParseFloat(s, 64); err == nil {
		return time.UnixMilli(int64(sec * 1000)), nil
	}
	return time.Time{}, vzcontract.Errorf(vzcontract.ErrValidation, "filter until=%s: must be a time such as 2026-01-31 or a duration such as 24h", s)
}
