package reference_test

import (
	"errors"
	"strings"
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/reference"
)

const someDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParse(t *testing.T) {
	type ref = reference.Reference
	tests := []struct {
		in       string
		want     ref
		familiar string
	}{
		{"debian", ref{"docker.io", "library/debian", "latest", ""}, "debian:latest"},
		{"debian:12", ref{"docker.io", "library/debian", "12", ""}, "debian:12"},
		{"docker.io/debian", ref{"docker.io", "library/debian", "latest", ""}, "debian:latest"},
		{"index.docker.io/library/debian", ref{"docker.io", "library/debian", "latest", ""}, "debian:latest"},
		{"grafana/grafana:10", ref{"docker.io", "grafana/grafana", "10", ""}, "grafana/grafana:10"},
		{"ghcr.io/a/b/c:v1.2_x", ref{"ghcr.io", "a/b/c", "v1.2_x", ""}, "ghcr.io/a/b/c:v1.2_x"},
		{"localhost/a", ref{"localhost", "a", "latest", ""}, "localhost/a:latest"},
		{"localhost:5000/a", ref{"localhost:5000", "a", "latest", ""}, "localhost:5000/a:latest"},
		{"127.0.0.1:5000/a:b", ref{"127.0.0.1:5000", "a", "b", ""}, "127.0.0.1:5000/a:b"},
		{"[::1]:5000/a", ref{"[::1]:5000", "a", "latest", ""}, "[::1]:5000/a:latest"},
		{"UPPER/a", ref{"UPPER", "a", "latest", ""}, "UPPER/a:latest"},
		{"a@" + someDigest, ref{"docker.io", "library/a", "", someDigest}, "a@" + someDigest},
		{"a:t@" + someDigest, ref{"docker.io", "library/a", "t", someDigest}, "a:t@" + someDigest},
		{"x/a__b-c---d.e", ref{"docker.io", "x/a__b-c---d.e", "latest", ""}, "x/a__b-c---d.e:latest"},
		{"vz:builtin", ref{"docker.io", "library/vz", "builtin", ""}, "vz:builtin"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := reference.Parse(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("Parse(%q) = %+v, want %+v", tt.in, got, tt.want)
			}
			if got.Familiar() != tt.familiar {
				t.Errorf("Parse(%q).Familiar() = %q, want %q", tt.in, got.Familiar(), tt.familiar)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ in, reason string }{
		{"", "is empty"},
		{"Debian", "lower case"},
		{"docker.io/Debian", "lower case"},
		{"a b", "each part"},
		{"a//b", "each part"},
		{"/a", "each part"},
		{"a/", "each part"},
		{"../etc/passwd", "host name"},
		{"a/../b", "each part"},
		{"a___b", "each part"},
		{"a._b", "each part"},
		{"-a", "each part"},
		{"a:", "the tag"},
		{"a:-x", "the tag"},
		{"a:b:c", "each part"},
		{"a:" + strings.Repeat("x", 129), "the tag"},
		{"a@b", "a digest has the form"},
		{"a@sha512:" + strings.Repeat("0", 128), "only sha256"},
		{"a@sha256:xyz", "64 lower-case"},
		{"a@" + strings.ToUpper(someDigest), "only sha256"},
		{"localhost:port/a", "port is not a number"},
		{"[::1/a", "brackets"},
		{"[::1]x/a", "registry"},
		{"-x.io/a", "host name"},
		{"https://docker.io/a", "leave out https://"},
		{strings.Repeat("a", 64), "image id"},
		{strings.Repeat("a/", 130) + "a", "longer than 255"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := reference.Parse(tt.in)
			if !errors.Is(err, vzcontract.ErrValidation) {
				t.Fatalf("Parse(%q) = %+v, %v; want ErrValidation", tt.in, got, err)
			}
			if !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("Parse(%q) error %q lacks %q", tt.in, err, tt.reason)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"debian", "ghcr.io/a/b:v1", "[::1]:5000/a@" + someDigest, "a:t@" + someDigest, "A/b", "localhost:/a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := reference.Parse(s)
		if err != nil {
			if !errors.Is(err, vzcontract.ErrValidation) {
				t.Errorf("Parse(%q) error %v is not ErrValidation", s, err)
			}
			return
		}
		for _, text := range []string{ref.String(), ref.Familiar()} {
			again, err := reference.Parse(text)
			if err != nil || again != ref {
				t.Errorf("Parse(%q) = %+v; its text %q parses to %+v, %v", s, ref, text, again, err)
			}
		}
	})
}

func TestParseRegistry(t *testing.T) {
	for in, want := range map[string]string{
		"": "docker.io", "docker.io": "docker.io", "https://index.docker.io/v1/": "docker.io",
		"ghcr.io": "ghcr.io", "https://ghcr.io/": "ghcr.io", "localhost:5000": "localhost:5000",
	} {
		if got, err := reference.ParseRegistry(in); err != nil || got != want {
			t.Errorf("ParseRegistry(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"a b", "ghcr.io/x", "/x"} {
		if got, err := reference.ParseRegistry(in); !errors.Is(err, vzcontract.ErrValidation) {
			t.Errorf("ParseRegistry(%q) = %q, %v; want ErrValidation", in, got, err)
		}
	}
}
