package base

import (
	_ "embed" // the descriptor file
	"os"
	"slices"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/macos/ipsw"
)

// A Base is a restore image that guests are made from.
type Base struct {
	ID           string       `json:"id"`      // such as macos-15.6.1
	Channel      string       `json:"channel"` // stable or previous
	IPSW         IPSW         `json:"ipsw"`
	Fingerprints Fingerprints `json:"fingerprints"`
	Support      string       `json:"support"` // supported, deprecated or withdrawn
	// Replacement is the id of the base to use in place of a deprecated or withdrawn one.
	Replacement string `json:"replacement"`
}

// IPSW is where a restore image is, and what its bytes must be.
type IPSW struct {
	URL    string `json:"url"`
	SHA256 string `json:"sha256"` // in hexadecimal; empty is unpinned
	Size   int64  `json:"size"`   // bytes; 0 is not known
}

// Fingerprints are what an image says of itself. Empty ones are not compared.
type Fingerprints struct {
	Version string `json:"version"`
	Build   string `json:"build"`
}

// Channels and states of support.
const (
	Stable     = "stable"
	Previous   = "previous"
	Supported  = "supported"
	Deprecated = "deprecated" // works, and will go
	Withdrawn  = "withdrawn"  // is refused
)

//go:embed bases.json
var embedded []byte

// Embedded returns the bases that this version of vz knows.
func Embedded() ([]Base, error) { return Parse("bases.json of vz", embedded) }

// Load reads a descriptor file.
func Load(path string) ([]Base, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text)
}

// Pinned tells whether something says what the image's bytes must be.
func (b Base) Pinned() bool { return b.IPSW.SHA256 != "" }

// Request is what fetches the image.
func (b Base) Request() ipsw.Request {
	return ipsw.Request{URL: b.IPSW.URL, SHA256: b.IPSW.SHA256, Size: b.IPSW.Size}
}

// Check compares what an image says of itself with the fingerprints.
func (b Base) Check(version, build string) error {
	var wrong []string
	for _, f := range [][3]string{{"version", b.Fingerprints.Version, version}, {"build", b.Fingerprints.Build, build}} {
		if f[1] != "" && f[1] != f[2] {
			wrong = append(wrong, f[0]+" "+f[2]+" in place of "+f[1])
		}
	}
	if len(wrong) > 0 {
		return vzcontract.Errorf(vzcontract.ErrValidation, "base %s: the restore image has %s", b.ID, strings.Join(wrong, " and "))
	}
	return nil
}

// Find returns the base of that id, or the first of that channel. None is an error that
// matches vzcontract.ErrNotFound and names those that there are.
func Find(all []Base, name string) (Base, error) {
	var ids []string
	for _, b := range all {
		if b.ID == name {
			return b, nil
		}
		ids = append(ids, b.ID)
	}
	if i := slices.IndexFunc(all, func(b Base) bool { return b.Channel == name }); i >= 0 {
		return all[i], nil
	}
	return Base{}, vzcontract.Errorf(vzcontract.ErrNotFound, "there is no base %q; there are %s, and the channels %s and %s", name, strings.Join(ids, ", "), Stable, Previous)
}
