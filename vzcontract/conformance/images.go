package conformance

import (
	"slices"
	"strings"
	"sync"

	"vz.internal/vzcontract"
)

var imageChecks = []check{
	{name: "image-missing", feature: vzcontract.FeatureImages, run: imageMissing},
	{name: "image-pull-policies", feature: vzcontract.FeatureImages, run: imagePolicies},
	{name: "image-inspect", feature: vzcontract.FeatureImages, run: imageInspect},
	{name: "image-remove", feature: vzcontract.FeatureImages, run: imageRemove},
}

func (e *env) images() vzcontract.Images {
	e.Helper()
	if e.cfg.Image == "" {
		e.Skip("the suite was given a root directory, not an image")
	}
	return e.b.(vzcontract.Images)
}

func imageMissing(e *env) {
	im := e.images()
	_, err := im.InspectImage(e.ctx, "no/such:image")
	e.wantClass("inspect of a missing image", err, vzcontract.ErrNotFound)
	_, err = im.RemoveImage(e.ctx, "no/such:image", vzcontract.RemoveImageOptions{})
	e.wantClass("removal of a missing image", err, vzcontract.ErrNotFound)
	_, err = im.PullImage(e.ctx, "no/such:image", vzcontract.PullOptions{Policy: vzcontract.PullNever})
	e.wantClass("pull never of a missing image", err, vzcontract.ErrNotFound)
	for _, ref := range []string{"", "two words", "UPPER/case", "a:b:c@d"} {
		_, err := im.PullImage(e.ctx, ref, vzcontract.PullOptions{})
		if err == nil {
			e.Errorf("pull of %q succeeded", ref)
		}
	}
}

func imagePolicies(e *env) {
	im := e.images()
	first, err := im.PullImage(e.ctx, e.cfg.Image, vzcontract.PullOptions{Policy: vzcontract.PullMissing})
	if err != nil {
		e.Fatal(err)
	}
	var mu sync.Mutex
	calls := 0
	for _, policy := range []vzcontract.PullPolicy{vzcontract.PullMissing, vzcontract.PullNever} {
		again, err := im.PullImage(e.ctx, e.cfg.Image, vzcontract.PullOptions{Policy: policy, Progress: func(vzcontract.PullProgress) {
			mu.Lock()
			defer mu.Unlock()
			calls++
		}})
		if err != nil || again.ID != first.ID {
			e.Errorf("pull %s = %s, %v, want %s", policy, again.ID, err, first.ID)
		}
	}
	_, err = im.PullImage(e.ctx, e.cfg.Image, vzcontract.PullOptions{Policy: "sometimes"})
	e.wantClass("an unknown pull policy", err, vzcontract.ErrValidation)
}

func imageInspect(e *env) {
	im := e.images()
	pulled, err := im.PullImage(e.ctx, e.cfg.Image, vzcontract.PullOptions{Policy: vzcontract.PullMissing})
	if err != nil {
		e.Fatal(err)
	}
	if !strings.HasPrefix(pulled.ID, "sha256:") || !strings.HasPrefix(pulled.Digest, "sha256:") || len(pulled.References) == 0 ||
		pulled.OS != "linux" || pulled.Architecture == "" || len(pulled.DiffIDs) == 0 || pulled.Size <= 0 {
		e.Errorf("image = %+v", pulled)
	}
	short := strings.TrimPrefix(pulled.ID, "sha256:")[:12]
	for _, ref := range []string{e.cfg.Image, pulled.ID, short} {
		if got, err := im.InspectImage(e.ctx, ref); err != nil || got.ID != pulled.ID {
			e.Errorf("inspect %s = %s, %v, want %s", ref, got.ID, err, pulled.ID)
		}
	}
	list, err := im.ListImages(e.ctx)
	if err != nil || !slices.ContainsFunc(list, func(i vzcontract.ImageInfo) bool { return i.ID == pulled.ID }) {
		e.Errorf("list = %d images, %v, want the pulled one among them", len(list), err)
	}
}

func imageRemove(e *env) {
	im := e.images()
	info := e.create(e.config("true"))
	_, err := im.RemoveImage(e.ctx, info.ImageID, vzcontract.RemoveImageOptions{})
	e.wantClass("removal of an image in use", err, vzcontract.ErrConflict)
	if report, err := im.PruneImages(e.ctx, vzcontract.PruneImagesOptions{All: true}); err != nil || slices.Contains(report.Removed, info.ImageID) {
		e.Errorf("prune = %+v, %v, want the used image kept", report, err)
	}
	e.stopHard(info.ID)
	removed, err := im.RemoveImage(e.ctx, info.ImageID, vzcontract.RemoveImageOptions{})
	if err != nil || !slices.ContainsFunc(removed, func(r vzcontract.RemovedImage) bool { return r.Deleted == info.ImageID }) {
		e.Errorf("removal = %+v, %v, want the image deleted", removed, err)
	}
	_, err = im.InspectImage(e.ctx, info.ImageID)
	e.wantClass("inspect of a removed image", err, vzcontract.ErrNotFound)
}
