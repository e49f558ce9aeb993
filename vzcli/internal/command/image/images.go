package image

import (
	"path"
	"strings"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

type images struct {
	Repository string   `arg:"" optional:"" help:"Show only this repository, or repository and tag."`
	All        bool     `short:"a" help:"Accepted: there are no intermediate images."`
	Digests    bool     `help:"Show digests."`
	Filter     []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"Show only those that match."`
	Format     string   `placeholder:"FORMAT" help:"table, json or a Go template."`
	NoTrunc    bool     `help:"Do not shorten ids."`
	Quiet      bool     `short:"q" help:"Show ids only."`
	Tree       bool     `hidden:"" help:"Refused."`
}

// Run implements command.Verb.
func (c *images) Run(env *command.Env) error {
	if c.Tree {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "--tree: vz keeps one platform of an image; see vz images --digests")
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	all, err := s.Images.ListImages(env.Ctx)
	if err != nil {
		return err
	}
	match, err := newFilter(c.Filter, all)
	if err != nil {
		return err
	}
	l := output.Listing{
		Columns: []string{"Repository", "Tag", "ID", "CreatedSince", "Size"}, Quiet: "ID",
		Headers: map[string]string{"ID": "IMAGE ID", "CreatedSince": "CREATED", "CreatedAt": "CREATED AT"},
		Sample:  func() output.Row { return Row(vzcontract.ImageInfo{}, "", "", time.Time{}) },
	}
	if c.Digests {
		l.Columns = []string{"Repository", "Tag", "Digest", "ID", "CreatedSince", "Size"}
	}
	var rows []output.Row
	now := time.Now()
	for _, info := range all {
		if match.ok(info) {
			rows = append(rows, c.rows(info, match, now)...)
		}
	}
	return l.Print(env.Stdout, env.Listing(c.Format, c.Quiet), rows)
}

// rows gives one row per reference, as docker does.
func (c *images) rows(info vzcontract.ImageInfo, match *filter, now time.Time) []output.Row {
	id := output.ShortID(info.ID)
	if c.NoTrunc {
		id = info.ID
	}
	refs := info.References
	if len(refs) == 0 {
		refs = []string{"<none>:<none>"}
	}
	var rows []output.Row
	for _, ref := range refs {
		repo, _ := splitTag(ref)
		if !matchName(c.Repository, ref, repo) || !match.reference(ref, repo) {
			continue
		}
		rows = append(rows, Row(info, id, ref, now))
		if c.Quiet && c.Format == "" {
			break // an id once
		}
	}
	return rows
}

// Row gives docker's placeholders for one reference of an image.
func Row(info vzcontract.ImageInfo, id, ref string, now time.Time) output.Row {
	repo, tag := splitTag(ref)
	digest := info.Digest
	if digest == "" {
		digest = "<none>"
	}
	return output.Row{
		"Repository": repo, "Tag": tag, "ID": id, "Digest": digest, "Size": output.Size(info.Size),
		"VirtualSize": output.Size(info.Size), "SharedSize": "N/A", "UniqueSize": "N/A", "Containers": "N/A",
		"CreatedSince": output.Ago(now, info.Created), "CreatedAt": output.Time(info.Created), "Labels": output.Labels(info.Config.Labels),
	}
}

// splitTag parts a reference after its repository; a digest counts as no tag.
func splitTag(ref string) (repo, tag string) {
	if at := strings.IndexByte(ref, '@'); at >= 0 {
		return ref[:at], "<none>"
	}
	if colon := strings.LastIndexByte(ref, ':'); colon > strings.LastIndexByte(ref, '/') {
		return ref[:colon], ref[colon+1:]
	}
	return ref, "<none>"
}

// matchName reports whether ref is what the person named, with or without tag;
// a pattern as of path.Match is allowed.
func matchName(name, ref, repo string) bool {
	if name == "" || name == ref || name == repo {
		return true
	}
	byRef, _ := path.Match(name, ref) // a bad pattern matches nothing
	byRepo, _ := path.Match(name, repo)
	return byRef || byRepo
}
