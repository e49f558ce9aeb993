package pull

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"vz.internal/vzcontract"
)

// Bounds on what a manifest may name.
const (
	maxLayers      = 1000
	maxIndexed     = 1000
	maxConfigSize  = 8 << 20
	maxLayerSize   = 1 << 40
	schema1Message = "it is a schema 1 manifest, an old format without verified contents; push the image again with a current tool"
)

// document is what tells the kinds of manifest apart.
type document struct {
	SchemaVersion int             `json:"schemaVersion"`
	MediaType     types.MediaType `json:"mediaType"`
	Config        *v1.Descriptor  `json:"config"`
	Layers        []v1.Descriptor `json:"layers"`
	Manifests     []v1.Descriptor `json:"manifests"`
	FSLayers      json.RawMessage `json:"fsLayers"`
}

// parsed is a manifest or an index, checked.
type parsed struct {
	mediaType types.MediaType
	index     []v1.Descriptor // of an index, else nil
	config    v1.Descriptor
	layers    []v1.Descriptor
}

// parse reads a manifest or an index, of which header says what kind it is.
// What contradicts itself is refused: two programs might read it differently.
func parse(raw []byte, header types.MediaType) (parsed, error) {
	var doc document
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&doc); err != nil {
		return parsed{}, invalid("not a JSON manifest: %v", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return parsed{}, invalid("data after the end of the manifest")
	}
	kind := doc.MediaType
	if kind == "" {
		kind = header
	}
	switch {
	case doc.SchemaVersion == 1 || doc.FSLayers != nil || kind == types.DockerManifestSchema1 || kind == types.DockerManifestSchema1Signed:
		return parsed{}, vzcontract.Errorf(vzcontract.ErrUnsupported, "%s", schema1Message)
	case doc.SchemaVersion != 2:
		return parsed{}, invalid("schema version %d, not 2", doc.SchemaVersion)
	case doc.Manifests != nil && (doc.Layers != nil || doc.Config != nil):
		return parsed{}, invalid("both an index and a manifest")
	}
	switch kind {
	case types.OCIImageIndex, types.DockerManifestList:
		return parseIndex(kind, doc)
	case types.OCIManifestSchema1, types.DockerManifestSchema2:
		return parseImage(kind, doc)
	}
	// Some registries serve OCI documents, which need not name their type, as
	// plain JSON.
	if doc.Manifests != nil {
		return parseIndex(types.OCIImageIndex, doc)
	}
	if doc.Config != nil {
		return parseImage(types.OCIManifestSchema1, doc)
	}
	return parsed{}, vzcontract.Errorf(vzcontract.ErrUnsupported, "media type %q is not that of an image", clip(string(kind)))
}

func parseIndex(kind types.MediaType, doc document) (parsed, error) {
	if len(doc.Manifests) == 0 {
		return parsed{}, invalid("the index is empty")
	}
	if len(doc.Manifests) > maxIndexed {
		return parsed{}, invalid("the index names more than %d manifests", maxIndexed)
	}
	for _, d := range doc.Manifests {
		if err := checkDescriptor(d, maxLayerSize); err != nil {
			return parsed{}, err
		}
	}
	return parsed{mediaType: kind, index: doc.Manifests}, nil
}

func parseImage(kind types.MediaType, doc document) (parsed, error) {
	if doc.Config == nil {
		return parsed{}, invalid("the manifest names no config")
	}
	if len(doc.Layers) > maxLayers {
		return parsed{}, invalid("the manifest names more than %d layers", maxLayers)
	}
	switch doc.Config.MediaType {
	case types.OCIConfigJSON, types.DockerConfigJSON, "":
	default:
		return parsed{}, vzcontract.Errorf(vzcontract.ErrUnsupported, "it is an artifact of type %q, not an image", clip(string(doc.Config.MediaType)))
	}
	if err := checkDescriptor(*doc.Config, maxConfigSize); err != nil {
		return parsed{}, err
	}
	for _, l := range doc.Layers {
		if err := checkDescriptor(l, maxLayerSize); err != nil {
			return parsed{}, err
		}
		if err := checkLayerType(l); err != nil {
			return parsed{}, err
		}
	}
	return parsed{mediaType: kind, config: *doc.Config, layers: doc.Layers}, nil
}

func checkDescriptor(d v1.Descriptor, limit int64) error {
	if d.Digest.Algorithm != "sha256" || len(d.Digest.Hex) != 64 || strings.Trim(d.Digest.Hex, "0123456789abcdef") != "" {
		return invalid("%q is not a sha256 digest", clip(d.Digest.String()))
	}
	if d.Size < 0 || d.Size > limit {
		return invalid("%s claims %d bytes; up to %d are accepted", d.Digest, d.Size, limit)
	}
	return nil
}

func checkLayerType(l v1.Descriptor) error {
	t := string(l.MediaType)
	switch {
	case !l.MediaType.IsDistributable():
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "layer %s is a foreign one, which its registry does not distribute", l.Digest)
	case strings.Contains(t, "+encrypted"):
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "layer %s is encrypted, which vz cannot read", l.Digest)
	case l.MediaType.IsLayer(), strings.HasPrefix(t, "application/vnd.oci.image.layer.v1.tar"), t == "application/vnd.docker.image.rootfs.diff.tar.zstd", t == "application/vnd.docker.image.rootfs.diff.tar":
		return nil
	}
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "layer %s has the type %q, which is not that of a layer", l.Digest, clip(t))
}

// parseConfig reads an image config that belongs to layers.
func parseConfig(raw []byte, layers int) (*v1.ConfigFile, error) {
	var c v1.ConfigFile
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, invalid("not a JSON image config: %v", err)
	}
	if len(c.RootFS.DiffIDs) != layers {
		return nil, invalid("the config names %d layers, the manifest %d", len(c.RootFS.DiffIDs), layers)
	}
	for _, d := range c.RootFS.DiffIDs {
		if err := checkDescriptor(v1.Descriptor{Digest: d}, 0); err != nil {
			return nil, err
		}
	}
	return &c, nil
}

func invalid(format string, args ...any) error {
	return vzcontract.Errorf(vzcontract.ErrValidation, "the image is invalid: %s", fmt.Sprintf(format, args...))
}

func clip(s string) string {
	if len(s) > 120 {
		return s[:120] + "…"
	}
	return s
}
