package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
)

// Settings say how to reach registries; see docs of registries.json.
type Settings struct {
	// Registries by name, with the port if there is one: "docker.io".
	Registries map[string]RegistrySettings `json:"registries"`
}

// RegistrySettings are the settings of one registry.
type RegistrySettings struct {
	// Mirrors are asked in this order, before the registry itself. What a
	// mirror says a tag means is believed.
	Mirrors []Mirror `json:"mirrors,omitempty"`
	// Insecure allows plain http and any certificate.
	Insecure bool `json:"insecure,omitempty"`
	// CA is a file of PEM certificates to trust for this registry besides
	// the system's.
	CA string `json:"ca,omitempty"`
}

// A Mirror is a registry that holds what another one has, perhaps below a
// prefix: https://cache.example/hub means cache.example/hub/library/debian.
type Mirror struct {
	URL string `json:"url"`
}

// LoadSettings reads path; a file that does not exist means no settings.
// Unknown fields are errors: a misspelt one would silently do nothing.
func LoadSettings(path string) (*Settings, error) {
	data, err := statefile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &Settings{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("registry settings: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var s Settings
	if err := dec.Decode(&s); err != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "registry settings %s: %v", path, err)
	}
	for name, r := range s.Registries {
		for _, m := range r.Mirrors {
			if err := m.check(); err != nil {
				return nil, vzcontract.Errorf(vzcontract.ErrValidation, "registry settings %s: %s: mirror %q: %v", path, name, m.URL, err)
			}
		}
	}
	return &s, nil
}

func (s *Settings) of(registry string) RegistrySettings { return s.Registries[registry] }

func (m Mirror) check() error {
	u, err := url.Parse(m.URL)
	switch {
	case err != nil:
		return errors.New("not a URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("must start with https:// or http://")
	case u.Host == "":
		return errors.New("no host")
	case u.User != nil:
		return errors.New("credentials belong into vz login, not into the URL")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("must end with the path")
	}
	return nil
}

// The parts of a checked URL.

func (m Mirror) host() string   { return m.parsed().Host }
func (m Mirror) scheme() string { return m.parsed().Scheme }
func (m Mirror) prefix() string {
	if p := strings.Trim(m.parsed().Path, "/"); p != "" {
		return p + "/"
	}
	return ""
}

func (m Mirror) parsed() *url.URL {
	u, err := url.Parse(m.URL)
	if err != nil {
		return &url.URL{}
	}
	return u
}
