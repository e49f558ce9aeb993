package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

// writeBOM writes what a target's programs are made of, as CycloneDX.
func writeBOM(r *release, t target, parts []part) (err error) {
	out, err := os.Create(filepath.Join(r.out, fmt.Sprintf("vz_%s_%s.cdx.json", r.version, t)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return cyclonedx.NewBOMEncoder(out, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom(r, t, parts), cyclonedx.SpecVersion1_6)
}

func bom(r *release, t target, parts []part) *cyclonedx.BOM {
	doc := cyclonedx.NewBOM()
	sum := sha256.Sum256([]byte(r.version + " " + t.String() + " " + r.time.String()))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // a UUID of version 8: its maker's own
	doc.SerialNumber = fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
	main := cyclonedx.Component{
		BOMRef: "vz", Type: cyclonedx.ComponentTypeApplication, Name: "vz", Version: r.version,
		PackageURL: "pkg:generic/vz@" + r.version + "?arch=" + t.arch + "&os=" + t.os,
		Licenses:   &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "MIT"}}},
	}
	doc.Metadata = &cyclonedx.Metadata{Timestamp: r.time.Format(time.RFC3339), Component: &main}
	var components []cyclonedx.Component
	var refs []string
	for _, p := range parts {
		c := component(r, t, p)
		components = append(components, c)
		refs = append(refs, c.BOMRef)
	}
	doc.Components = &components
	doc.Dependencies = &[]cyclonedx.Dependency{{Ref: "vz", Dependencies: &refs}}
	return doc
}

func component(r *release, t target, p part) cyclonedx.Component {
	version := p.version
	if p.kind == ownModule {
		version = "v" + r.version // the build says "(devel)" of a module of the workspace
	}
	url := "pkg:golang/" + p.name + "@" + version
	if p.kind == cLibrary {
		url = "pkg:deb/debian/" + p.name + "@" + strings.ReplaceAll(version, "+", "%2B") + "?arch=" + t.arch
	}
	c := cyclonedx.Component{
		BOMRef: url, Type: cyclonedx.ComponentTypeLibrary, Name: p.name, Version: version, PackageURL: url,
		Properties: &[]cyclonedx.Property{{Name: "vz:programs", Value: strings.Join(p.usedBy, " ")}},
	}
	// go.sum's h1 is a SHA-256 over the module's files.
	if hash, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(p.sum, "h1:")); err == nil && len(hash) == sha256.Size {
		c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(hash)}}
	}
	return c
}
