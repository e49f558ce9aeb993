package reference

import "strings"

// The parts that a short name leaves out.
const (
	DefaultRegistry  = "docker.io"
	DefaultNamespace = "library/"
	DefaultTag       = "latest"
)

// A Reference names an image in a registry. It is comparable; one made by
// [Parse] is complete: Registry and Repository are set, and Tag or Digest or
// both.
type Reference struct {
	Registry   string // host, with a port if one was given
	Repository string // path below the registry: "library/debian"
	Tag        string // empty only beside a digest
	Digest     string // "sha256:…", empty for a reference by tag alone
}

// String returns the complete reference, which Parse reads back unchanged.
func (r Reference) String() string {
	return r.Name() + r.suffix()
}

// Familiar returns the shortest text that means r, as people type it. The tag
// is always in it.
func (r Reference) Familiar() string {
	return r.FamiliarName() + r.suffix()
}

// Name returns registry and repository.
func (r Reference) Name() string { return r.Registry + "/" + r.Repository }

// FamiliarName returns Name without the parts that a short name leaves out.
func (r Reference) FamiliarName() string {
	if r.Registry != DefaultRegistry {
		return r.Name()
	}
	short, official := strings.CutPrefix(r.Repository, DefaultNamespace)
	if official && !strings.Contains(short, "/") {
		return short
	}
	return r.Repository
}

// Locator returns what to ask the registry for: the digest, else the tag.
func (r Reference) Locator() string {
	if r.Digest != "" {
		return r.Digest
	}
	return r.Tag
}

// WithDigest returns the name of r pinned to digest, without a tag.
func (r Reference) WithDigest(digest string) Reference {
	r.Tag, r.Digest = "", digest
	return r
}

func (r Reference) suffix() string {
	s := ""
	if r.Tag != "" {
		s = ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest
	}
	return s
}
