package registry_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/auth"
	"vz.internal/vzoci/internal/registry"
	"vz.internal/vzoci/reference"
	"vz.internal/vzoci/registrytest"
)

const someManifest = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}`

// pauses records what a client would have waited for.
type pauses []time.Duration

func (p *pauses) wait(_ context.Context, d time.Duration) error { *p = append(*p, d); return nil }

func newClient(t *testing.T, opts registry.Options) *registry.Client {
	t.Helper()
	if opts.Backoff.Wait == nil {
		opts.Backoff.Wait = new(pauses).wait
	}
	c, err := registry.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func repository(c *registry.Client, host, name string) *registry.Repository {
	return c.Repository(reference.Reference{Registry: host, Repository: name})
}

func TestManifest(t *testing.T) {
	s := registrytest.New(t)
	want := s.AddManifest("a/b", "v1", types.OCIManifestSchema1, []byte(someManifest))
	r := repository(newClient(t, registry.Options{}), s.Host(), "a/b")
	for _, locator := range []string{"v1", want.String()} {
		m, err := r.Manifest(t.Context(), locator)
		if err != nil {
			t.Fatal(err)
		}
		if m.Digest != want || string(m.Raw) != someManifest || m.MediaType != types.OCIManifestSchema1 {
			t.Errorf("Manifest(%q) = %+v", locator, m)
		}
	}
	if d, ok, err := r.Digest(t.Context(), "v1"); err != nil || !ok || d != want {
		t.Errorf("Digest = %v, %v, %v", d, ok, err)
	}
}

func TestManifestFailures(t *testing.T) {
	manifests := registrytest.Path("GET", "/manifests/")
	tests := []struct {
		name    string
		locator string
		repo    string
		match   registrytest.Match
		fault   registrytest.Fault
		class   error
		says    []string
	}{
		{name: "no such tag", locator: "v9", class: vzcontract.ErrNotFound, says: []string{"no tag v9", "it has v1"}},
		{name: "no such repository", repo: "x/y", locator: "v1", class: vzcontract.ErrNotFound, says: []string{"no repository x/y"}},
		{name: "no such digest", locator: "sha256:" + strings.Repeat("0", 64), class: vzcontract.ErrNotFound, says: []string{"no manifest sha256:000"}},
		{name: "damaged", locator: "v1", match: manifests, fault: registrytest.Corrupt, class: vzcontract.ErrValidation, says: []string{"has digest"}},
		{name: "too large", locator: "v1", match: manifests, fault: registrytest.Append(bytes.Repeat([]byte(" "), 5<<20)), class: vzcontract.ErrValidation, says: []string{"larger than 4 MiB"}},
		{name: "down", locator: "v1", match: manifests, fault: registrytest.Status(503), class: vzcontract.ErrUnavailable, says: []string{"503", "try again later"}},
		{name: "forbidden", locator: "v1", match: manifests, fault: registrytest.Status(403), class: vzcontract.ErrDenied, says: []string{"vz login"}},
		{name: "wait too long", locator: "v1", match: manifests, fault: registrytest.Status(429, "Retry-After", "3600"), class: vzcontract.ErrUnavailable, says: []string{"Too Many Requests"}},
		{name: "circle", locator: "v1", match: manifests, fault: registrytest.Redirect("/v2/a/b/manifests/v1"), class: vzcontract.ErrUnavailable, says: []string{"redirects more than"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := registrytest.New(t)
			s.AddManifest("a/b", "v1", types.OCIManifestSchema1, []byte(someManifest))
			if tt.fault != nil {
				s.Inject(tt.match, registrytest.Always, tt.fault)
			}
			if tt.repo == "" {
				tt.repo = "a/b"
			}
			_, err := repository(newClient(t, registry.Options{}), s.Host(), tt.repo).Manifest(t.Context(), tt.locator)
			if !errors.Is(err, tt.class) {
				t.Fatalf("error = %v, want class %v", err, tt.class)
			}
			for _, part := range append(tt.says, s.Host()) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q lacks %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error has more than one line: %q", err)
			}
			if n := len(s.Requests("/manifests/")); tt.name == "circle" && n > 11 {
				t.Errorf("%d requests: a circle is walked again", n)
			}
		})
	}
}

func TestRetries(t *testing.T) {
	s := registrytest.New(t)
	s.AddManifest("a", "v1", types.OCIManifestSchema1, []byte(someManifest))
	s.Inject(registrytest.Path("", "/manifests/"), 1, registrytest.Status(429, "Retry-After", "7"))
	s.Inject(registrytest.Path("", "/manifests/"), 2, registrytest.Status(500))
	s.Inject(registrytest.Path("", "/manifests/"), 1, registrytest.ResetAfter(10))
	var waited pauses
	r := repository(newClient(t, registry.Options{Backoff: registry.Backoff{Wait: waited.wait}}), s.Host(), "a")
	if _, err := r.Manifest(t.Context(), "v1"); err != nil {
		t.Fatal(err)
	}
	if len(waited) != 4 || waited[0] != 7*time.Second {
		t.Errorf("pauses = %v, want four, the first 7s as the server asked", waited)
	}
	for _, d := range waited[1:] {
		if d <= 0 || d > 10*time.Second {
			t.Errorf("pause of %v is out of bounds", d)
		}
	}
}

func TestRegistryDown(t *testing.T) {
	s := registrytest.New(t)
	host := s.Host()
	s.Close()
	_, err := repository(newClient(t, registry.Options{}), host, "a").Manifest(t.Context(), "v1")
	if !errors.Is(err, vzcontract.ErrUnavailable) || !strings.Contains(err.Error(), "connection refused") || !strings.Contains(err.Error(), host) {
		t.Errorf("error = %v", err)
	}
}

func TestCredentials(t *testing.T) {
	right, wrong := auth.Credentials{Username: "u", Password: "pw"}, auth.Credentials{Username: "u", Password: "topsecret"}
	protect := map[string]func(*registrytest.Server){
		"basic":            func(s *registrytest.Server) { s.RequireBasic("u", "pw") },
		"bearer":           func(s *registrytest.Server) { s.RequireBearer("u", "pw", false) },
		"bearer anonymous": func(s *registrytest.Server) { s.RequireBearer("u", "pw", true) },
	}
	tests := []struct {
		protection string
		creds      auth.Credentials
		class      error
	}{
		{"basic", right, nil},
		{"basic", wrong, vzcontract.ErrDenied},
		{"basic", auth.Credentials{}, vzcontract.ErrDenied},
		{"bearer", right, nil},
		{"bearer", wrong, vzcontract.ErrDenied},
		{"bearer", auth.Credentials{}, vzcontract.ErrDenied},
		{"bearer", auth.Credentials{IdentityToken: "pw"}, nil},
		{"bearer", auth.Credentials{IdentityToken: "old"}, vzcontract.ErrDenied},
		{"bearer anonymous", auth.Credentials{}, nil},
		{"bearer anonymous", wrong, vzcontract.ErrDenied},
	}
	for _, tt := range tests {
		t.Run(tt.protection+" "+tt.creds.String(), func(t *testing.T) {
			s := registrytest.New(t)
			s.AddManifest("a", "v1", types.OCIManifestSchema1, []byte(someManifest))
			protect[tt.protection](s)
			var waited pauses
			c := newClient(t, registry.Options{Credentials: auth.Static(tt.creds), Backoff: registry.Backoff{Wait: waited.wait}})
			_, err := repository(c, s.Host(), "a").Manifest(t.Context(), "v1")
			if !errors.Is(err, tt.class) || (err == nil) != (tt.class == nil) {
				t.Fatalf("error = %v, want class %v", err, tt.class)
			}
			if err == nil {
				return
			}
			if len(waited) != 0 {
				t.Errorf("a refusal was tried again after %v", waited)
			}
			if strings.Contains(err.Error(), "topsecret") || !strings.Contains(err.Error(), "vz login "+s.Host()) {
				t.Errorf("error %q shows a secret or lacks the next step", err)
			}
		})
	}
}

func TestExpiredTokenIsRenewed(t *testing.T) {
	s := registrytest.New(t)
	s.AddManifest("a", "v1", types.OCIManifestSchema1, []byte(someManifest))
	s.RequireBearer("u", "pw", false)
	r := repository(newClient(t, registry.Options{Credentials: auth.Static(auth.Credentials{Username: "u", Password: "pw"})}), s.Host(), "a")
	for range 3 {
		if _, err := r.Manifest(t.Context(), "v1"); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.Requests("/token")); n != 1 {
		t.Errorf("three requests took %d tokens, want 1", n)
	}
	s.ExpireTokens()
	if _, err := r.Manifest(t.Context(), "v1"); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Requests("/token")); n != 2 {
		t.Errorf("%d tokens after one expired, want 2", n)
	}
}

func TestRedirectGetsNoCredentials(t *testing.T) {
	data := []byte("blob")
	elsewhere, s := registrytest.New(t), registrytest.New(t)
	d := s.AddBlob("a", data)
	elsewhere.AddBlob("a", data)
	s.RequireBasic("u", "pw")
	s.Inject(func(r *http.Request) bool {
		return strings.Contains(r.URL.Path, "/blobs/") && r.Header.Get("Authorization") != ""
	},
		registrytest.Always, registrytest.Redirect(elsewhere.URL()+"/v2/a/blobs/"+d.String()+"?signature=abc"))
	r := repository(newClient(t, registry.Options{Credentials: auth.Static(auth.Credentials{Username: "u", Password: "pw"})}), s.Host(), "a")
	stream, err := r.Blob(t.Context(), d.String(), 0, "")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if got, err := io.ReadAll(stream); err != nil || !bytes.Equal(got, data) {
		t.Errorf("blob = %q, %v", got, err)
	}
	for _, rq := range elsewhere.Requests("/blobs/") {
		if rq.Authorization != "" {
			t.Errorf("the other host was sent %q", rq.Authorization)
		}
	}
}

func TestTLS(t *testing.T) {
	s := registrytest.NewTLS(t)
	s.AddManifest("a", "v1", types.OCIManifestSchema1, []byte(someManifest))
	get := func(opts registry.Options) error {
		_, err := repository(newClient(t, opts), s.Host(), "a").Manifest(t.Context(), "v1")
		return err
	}
	if err := get(registry.Options{}); !errors.Is(err, vzcontract.ErrUnavailable) || !strings.Contains(err.Error(), "not trusted") || !strings.Contains(err.Error(), "--insecure") {
		t.Errorf("unknown certificate: %v", err)
	}
	if err := get(registry.Options{Insecure: true}); err != nil {
		t.Errorf("insecure: %v", err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, s.CertificatePEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := get(registry.Options{Settings: &registry.Settings{Registries: map[string]registry.RegistrySettings{s.Host(): {CA: ca}}}}); err != nil {
		t.Errorf("with its CA: %v", err)
	}
}

func TestMirrors(t *testing.T) {
	mirror, s := registrytest.New(t), registrytest.New(t)
	mirror.AddManifest("hub/a", "v1", types.OCIManifestSchema1, []byte(someManifest))
	s.AddManifest("a", "v1", types.OCIManifestSchema1, []byte(someManifest))
	s.AddManifest("a", "v2", types.OCIManifestSchema1, []byte(someManifest))
	settings := &registry.Settings{Registries: map[string]registry.RegistrySettings{
		s.Host(): {Mirrors: []registry.Mirror{{URL: "http://127.0.0.1:1"}, {URL: mirror.URL() + "/hub"}}},
	}}
	r := repository(newClient(t, registry.Options{Settings: settings, Backoff: registry.Backoff{Attempts: 1}}), s.Host(), "a")
	if _, err := r.Manifest(t.Context(), "v1"); err != nil || len(s.Requests("/manifests/")) != 0 {
		t.Errorf("what the mirror has: error %v, the registry was asked %d times", err, len(s.Requests("/manifests/")))
	}
	if _, err := r.Manifest(t.Context(), "v2"); err != nil {
		t.Errorf("what the mirror lacks: %v", err)
	}
	if _, err := r.Manifest(t.Context(), "v3"); !errors.Is(err, vzcontract.ErrNotFound) || !strings.Contains(err.Error(), "mirrors:") {
		t.Errorf("what nobody has: %v", err)
	}
}

func TestSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registries.json")
	if s, err := registry.LoadSettings(path); err != nil || len(s.Registries) != 0 {
		t.Errorf("missing file: %v, %v", s, err)
	}
	for text, says := range map[string]string{
		`{"registries":{"docker.io":{"mirrors":[{"url":"https://m.example/x"}],"insecure":true}}}`: "",
		`{`:                "unexpected EOF",
		`{"registres":{}}`: "unknown field",
		`{"registries":{"a":{"mirrors":[{"url":"m.example"}]}}}`:             "must start with https://",
		`{"registries":{"a":{"mirrors":[{"url":"https://u:p@m.example"}]}}}`: "vz login",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := registry.LoadSettings(path)
		if says == "" && err != nil || says != "" && (!errors.Is(err, vzcontract.ErrValidation) || !strings.Contains(err.Error(), says)) {
			t.Errorf("LoadSettings of %s: %v, want %q", text, err, says)
		}
	}
}
