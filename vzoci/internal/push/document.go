package push

import (
	"encoding/json"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/registry"
)

// maxDepth bounds indexes in indexes.
const maxDepth = 4

// document is a manifest, or an index with what it names.
type document struct {
	desc     v1.Descriptor
	raw      []byte
	blobs    []v1.Descriptor
	children []*document
}

// walk calls visit for d and everything below.
func (d *document) walk(visit func(*document)) {
	visit(d)
	for _, c := range d.children {
		c.walk(visit)
	}
}

// read reads a document and those below it from the store.
func (p *pusher) read(desc v1.Descriptor, depth int) (*document, error) {
	if depth > maxDepth {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "indexes are nested more than %d deep", maxDepth)
	}
	f, err := p.store.OpenBlob(desc.Digest)
	if err != nil {
		return nil, notStored(desc, err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, registry.MaxManifestSize))
	if err != nil {
		return nil, err
	}
	var doc struct {
		MediaType types.MediaType `json:"mediaType"`
		Config    *v1.Descriptor  `json:"config"`
		Layers    []v1.Descriptor `json:"layers"`
		Manifests []v1.Descriptor `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrInternal, "manifest %s in the store is damaged; pull the image again", desc.Digest)
	}
	if doc.MediaType != "" {
		desc.MediaType = doc.MediaType
	}
	d := &document{desc: desc, raw: raw, blobs: doc.Layers}
	if doc.Config != nil {
		d.blobs = append(d.blobs, *doc.Config)
	}
	for _, m := range doc.Manifests {
		child, err := p.read(m, depth+1)
		if err != nil {
			return nil, err
		}
		d.children = append(d.children, child)
	}
	return d, nil
}
