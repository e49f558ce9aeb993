package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"vz.internal/vzcontract"
)

// maxConfigSize bounds the file that is read into memory.
const maxConfigSize = 16 << 20

// A Config is Docker's configuration file, as far as it concerns credentials.
type Config struct {
	path    string
	all     map[string]json.RawMessage // every field of the file
	auths   map[string]json.RawMessage
	helpers map[string]string
	store   string
}

// entry is one value of "auths".
type entry struct {
	Auth          string `json:"auth,omitempty"`
	Username      string `json:"username,omitempty"`
	Password      string `json:"password,omitempty"`
	IdentityToken string `json:"identitytoken,omitempty"`
	RegistryToken string `json:"registrytoken,omitempty"`
}

// DefaultPath returns where the file is: $DOCKER_CONFIG/config.json, else
// .docker/config.json in the home directory, which is the user's own where HOME is
// not set, as in services of systemd.
func DefaultPath() (string, error) {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return filepath.Join(dir, "config.json"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		u, unknown := user.Current()
		if unknown != nil || u.HomeDir == "" {
			return "", vzcontract.Errorf(vzcontract.ErrValidation, "find registry credentials: neither DOCKER_CONFIG nor HOME is set")
		}
		home = u.HomeDir
	}
	return filepath.Join(home, ".docker", "config.json"), nil
}

// Load reads the file at path; one that does not exist is empty. A damaged one
// is an error that names it: going on without credentials would only give a
// less clear error later.
func Load(path string) (*Config, error) {
	c := &Config{path: path, all: map[string]json.RawMessage{}}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil && info.Size() > maxConfigSize {
		err = fmt.Errorf("%s is larger than %d MiB", path, maxConfigSize>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("registry credentials: %w", err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("registry credentials: %w", err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return c, nil
	}
	if err := c.decode(data); err != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "registry credentials: %s is damaged: %v; repair it or move it away", path, err)
	}
	return c, nil
}

func (c *Config) decode(data []byte) error {
	if err := json.Unmarshal(data, &c.all); err != nil {
		return err
	}
	for name, to := range map[string]any{"auths": &c.auths, "credHelpers": &c.helpers, "credsStore": &c.store} {
		if raw, ok := c.all[name]; ok {
			if err := json.Unmarshal(raw, to); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// helperFor returns the credential helper in charge of key, "" for none.
func (c *Config) helperFor(key string) string {
	if h, ok := c.helpers[key]; ok {
		return h
	}
	return c.store
}

// lookup returns what the file itself holds for key, also under the spellings
// that other tools use.
func (c *Config) lookup(key string) (Credentials, error) {
	raw, ok := c.auths[key]
	for _, spelling := range []string{"https://" + key, "http://" + key, key + "/", "https://" + key + "/", "https://" + key + "/v1/", "https://" + key + "/v2/"} {
		if ok {
			break
		}
		raw, ok = c.auths[spelling]
	}
	if !ok {
		return Credentials{}, nil
	}
	creds, err := decodeEntry(raw)
	if err != nil {
		return Credentials{}, vzcontract.Errorf(vzcontract.ErrValidation, "registry credentials: %s: entry %s is damaged; log in again: vz login %s", c.path, key, key)
	}
	return creds, nil
}

func decodeEntry(raw json.RawMessage) (Credentials, error) {
	var e entry
	if err := json.Unmarshal(raw, &e); err != nil {
		return Credentials{}, err
	}
	creds := Credentials{Username: e.Username, Password: e.Password, IdentityToken: e.IdentityToken, RegistryToken: e.RegistryToken}
	if e.Auth == "" {
		return creds, nil
	}
	text, err := base64.StdEncoding.DecodeString(e.Auth)
	if err != nil {
		return Credentials{}, err
	}
	user, password, found := strings.Cut(string(text), ":")
	if !found {
		return Credentials{}, errors.New("no colon between user and password")
	}
	creds.Username, creds.Password = user, strings.TrimRight(password, "\x00")
	return creds, nil
}
