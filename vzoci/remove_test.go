package vzoci

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/registrytest"
)

func TestRemoveImage(t *testing.T) {
	r := registrytest.New(t)
	addImage(t, r, "a", "v1", "x")
	s := open(t, "")
	name := r.Host() + "/a"
	id := pullOf(t, s, name+":v1").ID
	for _, tag := range []string{name + ":v2", "other:v1"} {
		if err := s.Tag(t.Context(), name+":v1", tag); err != nil {
			t.Fatal(err)
		}
	}
	lines := func(list []vzcontract.RemovedImage) (out []string) {
		for _, r := range list {
			out = append(out, strings.TrimSuffix(r.Untagged+r.Deleted, "@"))
		}
		return out
	}
	steps := []struct {
		ref     string
		want    []string // beginnings
		deleted bool
	}{
		{name + ":v1", []string{name + ":v1"}, false},
		{name + ":v2", []string{name + ":v2", name + "@sha256:"}, false},
		{"other:v1", []string{"other:v1", "sha256:"}, true},
	}
	for _, step := range steps {
		removed, err := s.RemoveImage(t.Context(), step.ref, vzcontract.RemoveImageOptions{})
		got := lines(removed)
		if err != nil || !slices.EqualFunc(got, step.want, strings.HasPrefix) {
			t.Errorf("remove %s = %q, %v, want %q", step.ref, got, err, step.want)
		}
		if _, err := s.InspectImage(t.Context(), id); errors.Is(err, vzcontract.ErrNotFound) != step.deleted {
			t.Errorf("inspect after the removal of %s: %v", step.ref, err)
		}
	}
	if n := count(t, s, "blobs/sha256") + count(t, s, "layers"); n != 0 {
		t.Errorf("%d objects are left", n)
	}
	if _, err := s.RemoveImage(t.Context(), "other:v1", vzcontract.RemoveImageOptions{}); !errors.Is(err, vzcontract.ErrNotFound) {
		t.Errorf("second removal: %v", err)
	}
	// An id takes all names with it, those in several repositories with force.
	pullOf(t, s, name+":v1")
	if err := s.Tag(t.Context(), id, "other:v1"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RemoveImage(t.Context(), id[7:19], vzcontract.RemoveImageOptions{}); !errors.Is(err, vzcontract.ErrConflict) {
		t.Errorf("remove by an id of two repositories: %v, want a conflict", err)
	}
	removed, err := s.RemoveImage(t.Context(), id[7:19], vzcontract.RemoveImageOptions{NoPrune: true, Force: true})
	if got := lines(removed); err != nil || len(got) != 4 || got[3] != id {
		t.Errorf("remove by id = %q, %v", got, err)
	}
	if count(t, s, "layers") != 1 {
		t.Error("NoPrune removed the layer")
	}
}

func TestAmbiguousID(t *testing.T) {
	r := registrytest.New(t)
	s := open(t, "")
	firsts := map[string]int{}
	clash := ""
	for i := 0; clash == ""; i++ { // 17 images at most
		id := pullOf(t, s, r.Host()+"/a@"+addImage(t, r, "a", "", strings.Repeat("x", i)).Manifest.Digest.String()).ID[7:8]
		if firsts[id]++; firsts[id] == 2 {
			clash = id
		}
	}
	if _, err := s.InspectImage(t.Context(), "sha256:"+clash); !errors.Is(err, vzcontract.ErrValidation) {
		t.Errorf("inspect %s: %v, want invalid", clash, err)
	}
}

func TestPruneImages(t *testing.T) {
	r := registrytest.New(t)
	addImage(t, r, "a", "v1", "old", "drop")
	s := open(t, "")
	old := pullOf(t, s, r.Host()+"/a:v1").ID
	addImage(t, r, "a", "v1", "new", "keep")
	tagged := pullOf(t, s, r.Host()+"/a:v1").ID
	steps := []struct {
		opts vzcontract.PruneImagesOptions
		want []string
		err  error
	}{
		{vzcontract.PruneImagesOptions{Filters: map[string][]string{"label": {"keep"}}}, nil, nil},
		{vzcontract.PruneImagesOptions{Filters: map[string][]string{"label": {"drop=no"}}}, nil, nil},
		{vzcontract.PruneImagesOptions{Filters: map[string][]string{"until": {"0001-01-01T00:00:00Z"}}}, nil, nil}, // the very time of the test's images
		{vzcontract.PruneImagesOptions{Filters: map[string][]string{"until": {"yesterday"}}}, nil, vzcontract.ErrValidation},
		{vzcontract.PruneImagesOptions{Filters: map[string][]string{"size": {"1"}}}, nil, vzcontract.ErrValidation},
		{vzcontract.PruneImagesOptions{Filters: map[string][]string{"label": {"drop=yes"}, "until": {"24h"}}}, []string{old}, nil},
		{vzcontract.PruneImagesOptions{}, nil, nil},
		{vzcontract.PruneImagesOptions{Filters: map[string][]string{"dangling": {"false"}}}, []string{tagged}, nil},
	}
	for _, step := range steps {
		report, err := s.PruneImages(t.Context(), step.opts)
		if !errors.Is(err, step.err) || !slices.Equal(report.Removed, step.want) {
			t.Errorf("prune %+v = %+v, %v, want %v", step.opts, report, err, step.want)
		}
		if len(step.want) > 0 && report.Freed == 0 {
			t.Errorf("prune %+v freed nothing", step.opts)
		}
	}
	if list, err := s.ListImages(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("list = %v, %v", list, err)
	}
}

// A prune in the middle of a pull takes nothing that the pull has brought or
// relies on, though nothing refers to it yet.
func TestPruneDuringPull(t *testing.T) {
	r := registrytest.New(t)
	shared := registrytest.Gzip(t, registrytest.Tar(t, "shared", "s"))
	slow := registrytest.Plain(registrytest.Tar(t, "slow", strings.Repeat("z", 1<<20)))
	r.AddImage(t, "old", "v1", registrytest.ImageOptions{}, shared)
	img := r.AddImage(t, "new", "v1", registrytest.ImageOptions{}, shared, slow)
	s := open(t, "")
	pullOf(t, s, r.Host()+"/old:v1")
	reached, release := make(chan struct{}), make(chan struct{})
	r.Inject(registrytest.Path("GET", "/blobs/"+img.Layers[1].Digest.String()), 1, registrytest.Hold(1000, reached, release))
	done := make(chan error)
	go func() {
		_, err := s.PullImage(t.Context(), r.Host()+"/new:v1", vzcontract.PullOptions{Platform: "linux/amd64"})
		done <- err
	}()
	<-reached
	if _, err := s.PruneImages(t.Context(), vzcontract.PruneImagesOptions{All: true}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(s.store.Dir(), "partial", img.Layers[1].Digest.Hex)); err != nil {
		t.Errorf("the download in flight: %v", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	intact(t, s)
	if n := len(r.Requests("/blobs/" + img.Layers[1].Digest.String())); n != 1 {
		t.Errorf("the layer was asked for %d times", n)
	}
	if _, err := s.RootFS(t.Context(), vzcontract.RootFSRequest{Ref: r.Host() + "/new:v1", Owner: "c", Policy: vzcontract.PullNever}); err != nil {
		t.Error(err)
	}
}

func TestTag(t *testing.T) {
	r := registrytest.New(t)
	addImage(t, r, "a", "v1", "x")
	s := open(t, "")
	name := r.Host() + "/a:v1"
	pullOf(t, s, name)
	for _, tt := range []struct {
		source, target string
		err            error
	}{
		{name, "b", nil},
		{"b", "c:v2", nil},
		{"nothing", "d", vzcontract.ErrNotFound},
		{name, "UPPER", vzcontract.ErrValidation},
		{name, "", vzcontract.ErrValidation},
		{name, "d@sha256:" + strings.Repeat("0", 64), vzcontract.ErrValidation},
		{name, "vz:builtin", vzcontract.ErrValidation},
	} {
		if err := s.Tag(t.Context(), tt.source, tt.target); !errors.Is(err, tt.err) {
			t.Errorf("tag %s %s: %v, want %v", tt.source, tt.target, err, tt.err)
		}
	}
	info, err := s.InspectImage(t.Context(), "c:v2")
	if want := []string{name, "b:latest", "c:v2"}; err != nil || !slices.Equal(info.References, want) {
		t.Errorf("references = %q, %v, want %q", info.References, err, want)
	}
}

// Several are removed in one go, each as if the ones before were gone.
func TestRemoveImages(t *testing.T) {
	r := registrytest.New(t)
	addImage(t, r, "a", "v1", "one")
	addImage(t, r, "b", "v1", "two")
	addImage(t, r, "c", "v1", "three")
	s := open(t, "")
	a, b, c := r.Host()+"/a:v1", r.Host()+"/b:v1", r.Host()+"/c:v1"
	id := pullOf(t, s, a).ID
	pullOf(t, s, b)
	kept := pullOf(t, s, c)
	if err := s.Tag(t.Context(), a, "more"); err != nil {
		t.Fatal(err)
	}
	var got []string
	refs := []string{a, "nothing", id, id, b, "more"}
	err := s.RemoveImages(t.Context(), refs, vzcontract.RemoveImageOptions{}, func(ref string, removed []vzcontract.RemovedImage, err error) {
		switch {
		case errors.Is(err, vzcontract.ErrNotFound) && len(removed) == 0:
			got = append(got, ref+" not found")
		case err != nil:
			t.Errorf("remove %s: %v", ref, err)
		case removed[len(removed)-1].Deleted != "":
			got = append(got, ref+" deleted")
		default:
			got = append(got, ref+" untagged")
		}
	})
	want := []string{a + " untagged", "nothing not found", id + " deleted", id + " not found", b + " deleted", "more not found"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("RemoveImages = %q, %v, want %q", got, err, want)
	}
	list, err := s.ListImages(t.Context())
	if err != nil || len(list) != 1 || list[0].ID != kept.ID || count(t, s, "layers") != 1 {
		t.Errorf("left are %+v, %v, with %d layers", list, err, count(t, s, "layers"))
	}
	intact(t, s)
}
