package archive

import (
	"errors"
	"slices"
	"testing"

	"vz.internal/vzcontract"
)

const (
	zeros = "0000000000000000000000000000000000000000000000000000000000000000"
	entry = `{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":"sha256:` + zeros + `","annotations":`
)

func TestLayoutMembers(t *testing.T) {
	raw := `{"schemaVersion":2,"manifests":[` +
		entry + `{"org.opencontainers.image.ref.name":"latest"}},` +
		entry + `{"io.containerd.image.name":"docker.io/library/a:v1","org.opencontainers.image.ref.name":"v1"}},` +
		entry + `{"org.opencontainers.image.ref.name":"b:v2"}}]}`
	members, err := layoutMembers([]byte(raw))
	if err != nil || len(members) != 1 || !slices.Equal(members[0].Names, []string{"docker.io/library/a:v1", "b:v2"}) {
		t.Errorf("members = %+v, %v", members, err)
	}
}

func FuzzLayoutMembers(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[` + entry + `{}}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		members, err := layoutMembers(raw)
		if err == nil && len(members) == 0 {
			t.Error("no members and no error")
		}
	})
}

func FuzzParseDocker(f *testing.F) {
	f.Add([]byte(`[{"Config":"c.json","RepoTags":["a:v1"],"Layers":["l.tar"]}]`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := parseDocker(raw); err != nil && !errors.Is(err, vzcontract.ErrValidation) {
			t.Errorf("error %v is not of class invalid", err)
		}
	})
}
