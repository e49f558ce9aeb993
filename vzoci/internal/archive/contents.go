package archive

import (
	"encoding/json"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"vz.internal/vzoci/internal/pull"
)

// maxImages bounds what one archive may hold.
const maxImages = 1000

// A Member is one image of an archive. Either Manifest is set, of an OCI
// layout, or Config and Layers are, of an archive of Docker.
type Member struct {
	Names    []string // as they stand there
	Manifest *v1.Descriptor
	Config   File
	Layers   []File
}

// Members returns the images of an archive. One that is both an OCI layout and
// an archive of Docker is read as the former.
func (s *Spool) Members() ([]Member, error) {
	if _, ok := s.file(nameIndex); ok {
		raw, err := s.document(nameIndex)
		if err != nil {
			return nil, err
		}
		return layoutMembers(raw)
	}
	if _, ok := s.file(nameManifest); ok {
		raw, err := s.document(nameManifest)
		if err != nil {
			return nil, err
		}
		list, err := parseDocker(raw)
		if err != nil {
			return nil, err
		}
		return s.dockerMembers(list)
	}
	return nil, invalid("neither index.json of an OCI layout nor manifest.json of Docker is in it; to make an image of a root file system use vz import")
}

// layoutMembers reads the index of an OCI layout: entries of one digest are one
// image with several names.
func layoutMembers(raw []byte) ([]Member, error) {
	index, err := pull.ParseIndex(raw, types.OCIImageIndex)
	if err != nil {
		return nil, err
	}
	var members []Member
	for _, d := range index {
		name := d.Annotations[annotationName]
		if ref := d.Annotations[annotationRef]; name == "" && strings.ContainsAny(ref, "/:") {
			name = ref
		}
		same := func(m Member) bool { return m.Manifest.Digest == d.Digest }
		i := slices.IndexFunc(members, same)
		if i < 0 {
			i = len(members)
			members = append(members, Member{Manifest: &d})
		}
		if name != "" {
			members[i].Names = append(members[i].Names, name)
		}
	}
	return members, nil
}

// parseDocker reads Docker's manifest.json.
func parseDocker(raw []byte) ([]dockerImage, error) {
	var list []dockerImage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, invalid("%s: %v", nameManifest, err)
	}
	if len(list) == 0 || len(list) > maxImages {
		return nil, invalid("it has %d images", len(list))
	}
	return list, nil
}

func (s *Spool) dockerMembers(list []dockerImage) ([]Member, error) {
	var members []Member
	for _, img := range list {
		m := Member{Names: img.RepoTags}
		var ok bool
		if m.Config, ok = s.file(img.Config); !ok {
			return nil, invalid("the config %q is missing in it", clip(img.Config))
		}
		for _, name := range img.Layers {
			f, ok := s.file(name)
			if !ok {
				return nil, invalid("the layer %q is missing in it", clip(name))
			}
			m.Layers = append(m.Layers, f)
		}
		members = append(members, m)
	}
	return members, nil
}
