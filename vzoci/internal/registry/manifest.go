package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"vz.internal/vzcontract"
)

// MaxManifestSize is the largest manifest or index that is read.
const MaxManifestSize = 4 << 20

// A Manifest is a verified manifest or index, as the registry sent it.
type Manifest struct {
	MediaType types.MediaType
	Digest    v1.Hash
	Raw       []byte
}

var manifestTypes = []string{
	string(types.OCIImageIndex), string(types.OCIManifestSchema1),
	string(types.DockerManifestList), string(types.DockerManifestSchema2),
	// Named so that the registry sends it and it can be refused by name.
	string(types.DockerManifestSchema1Signed), string(types.DockerManifestSchema1),
}

// Manifest fetches what locator (a tag or a digest) names, from the first
// source that has it. What a digest names has that digest.
func (r *Repository) Manifest(ctx context.Context, locator string) (Manifest, error) {
	var m Manifest
	err := r.fromSources(func(e *endpoint) error {
		return r.client.retry(ctx, func() (err error) {
			m, err = e.manifest(ctx, r.name, locator)
			return err
		})
	})
	if err != nil {
		return Manifest{}, r.explainMissing(ctx, locator, err)
	}
	return m, nil
}

// Digest asks for the digest of a tag without fetching the manifest, which
// rate limits count. ok is false when the registry does not tell.
func (r *Repository) Digest(ctx context.Context, tag string) (digest v1.Hash, ok bool, err error) {
	err = r.fromSources(func(e *endpoint) error {
		return r.client.retry(ctx, func() error {
			resp, err := e.do(ctx, e.manifestRequest(http.MethodHead, r.name, tag))
			if err != nil {
				return err
			}
			defer drain(resp)
			if resp.StatusCode != http.StatusOK {
				return e.failure(resp, r.name, thing(tag))
			}
			digest, err = v1.NewHash(resp.Header.Get("Docker-Content-Digest"))
			ok = err == nil
			return nil
		})
	})
	if err != nil {
		return v1.Hash{}, false, r.explainMissing(ctx, tag, err)
	}
	return digest, ok, nil
}

// fromSources calls get for each source until one succeeds. The last error,
// the registry's own, counts; those of mirrors are told with it.
func (r *Repository) fromSources(get func(*endpoint) error) error {
	var mirrors []error
	sources := r.sources()
	for i, e := range sources {
		err := get(e)
		if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		if i < len(sources)-1 {
			mirrors = append(mirrors, err)
			continue
		}
		if len(mirrors) > 0 {
			return fmt.Errorf("%w (mirrors: %v)", err, errors.Join(mirrors...))
		}
		return err
	}
	return nil
}

func (e *endpoint) manifestRequest(method, repository, locator string) request {
	return request{
		method: method,
		path:   e.repository(repository) + "/manifests/" + locator,
		header: http.Header{"Accept": manifestTypes},
		scope:  pullScope(e.repository(repository)),
	}
}

func (e *endpoint) manifest(ctx context.Context, repository, locator string) (Manifest, error) {
	resp, err := e.do(ctx, e.manifestRequest(http.MethodGet, repository, locator))
	if err != nil {
		return Manifest{}, err
	}
	defer drain(resp)
	if resp.StatusCode != http.StatusOK {
		return Manifest{}, e.failure(resp, repository, thing(locator))
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, MaxManifestSize+1))
	if err != nil {
		return Manifest{}, e.unreachable(err)
	}
	if len(raw) > MaxManifestSize {
		return Manifest{}, vzcontract.Errorf(vzcontract.ErrValidation, "registry %s, repository %s, %s: the manifest is larger than %d MiB", e.name, repository, thing(locator), MaxManifestSize>>20)
	}
	sum := sha256.Sum256(raw)
	m := Manifest{Digest: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}, Raw: raw}
	for _, want := range []string{digestOf(locator), resp.Header.Get("Docker-Content-Digest")} {
		if strings.HasPrefix(want, "sha256:") && want != m.Digest.String() {
			return Manifest{}, vzcontract.Errorf(vzcontract.ErrValidation, "registry %s, repository %s, %s: what it sent has digest %s, not %s; it is damaged or not what it claims to be", e.name, repository, thing(locator), m.Digest, want)
		}
	}
	if mediaType, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil {
		m.MediaType = types.MediaType(mediaType)
	}
	return m, nil
}

// explainMissing adds the tags that exist to the error for one that does not.
func (r *Repository) explainMissing(ctx context.Context, locator string, err error) error {
	var se *statusError
	if !errors.As(err, &se) || se.status != http.StatusNotFound || se.code == "NAME_UNKNOWN" || digestOf(locator) != "" {
		return err
	}
	const shown = 8
	tags, listErr := r.Tags(ctx, shown+1)
	if errors.As(listErr, &se) && se.code == "NAME_UNKNOWN" {
		return listErr // the repository is what is missing
	}
	if listErr != nil || len(tags) == 0 {
		return fmt.Errorf("%w; check the tag", err)
	}
	more := ""
	if len(tags) > shown {
		tags, more = tags[:shown], ", …"
	}
	return fmt.Errorf("%w; it has %s%s", err, strings.Join(tags, ", "), more)
}

func digestOf(locator string) string {
	if strings.Contains(locator, ":") {
		return locator
	}
	return ""
}

func thing(locator string) string {
	if digestOf(locator) != "" {
		return "manifest " + locator
	}
	return "tag " + locator
}

func pullScope(repository string) string { return "repository:" + repository + ":pull" }
func pushScope(repository string) string { return "repository:" + repository + ":pull,push" }

// IsIndex reports whether t is the type of an index.
func IsIndex(t types.MediaType) bool {
	return slices.Contains([]types.MediaType{types.OCIImageIndex, types.DockerManifestList}, t)
}
