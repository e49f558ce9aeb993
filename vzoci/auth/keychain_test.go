package auth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/auth"
)

func open(t *testing.T, config string) (*auth.Keychain, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "docker", "config.json")
	if config != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k, err := auth.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return k, path
}

func TestFind(t *testing.T) {
	const config = `{"auths":{
		"https://index.docker.io/v1/":{"auth":"aHViOnB3"},
		"plain.example":{"username":"u","password":"p"},
		"https://old.example/v1/":{"auth":"b2xkOmE6Yg=="},
		"token.example":{"identitytoken":"refresh"}}}`
	tests := []struct {
		registry string
		want     auth.Credentials
	}{
		{"docker.io", auth.Credentials{Username: "hub", Password: "pw"}},
		{"plain.example", auth.Credentials{Username: "u", Password: "p"}},
		{"old.example", auth.Credentials{Username: "old", Password: "a:b"}},
		{"token.example", auth.Credentials{IdentityToken: "refresh"}},
		{"nobody.example", auth.Credentials{}},
	}
	k, _ := open(t, config)
	for _, tt := range tests {
		got, err := k.Find(t.Context(), tt.registry)
		if err != nil {
			t.Fatal(err)
		}
		if got != tt.want {
			t.Errorf("Find(%q) = %v, want %v", tt.registry, got, tt.want)
		}
	}
}

func TestDamagedConfigIsNamed(t *testing.T) {
	for _, config := range []string{`{`, `{"auths":7}`, `{"auths":{"r.example":{"auth":"!"}}}`, `{"auths":{"r.example":{"auth":"bm9jb2xvbg=="}}}`} {
		k, path := open(t, config)
		_, err := k.Find(t.Context(), "r.example")
		if !errors.Is(err, vzcontract.ErrValidation) || !strings.Contains(err.Error(), path) {
			t.Errorf("Find with config %s: error %v, want ErrValidation that names %s", config, err, path)
		}
	}
}

func TestPutKeepsTheRestOfTheFile(t *testing.T) {
	k, path := open(t, `{"psFormat":"x","auths":{"a.example":{"auth":"dTpw","email":"e"}}}`)
	want := auth.Credentials{Username: "me", Password: "s3cret:x"}
	where, err := k.Put(t.Context(), "docker.io", want)
	if err != nil || where != path {
		t.Fatalf("Put = %q, %v", where, err)
	}
	if got, err := k.Find(t.Context(), "docker.io"); err != nil || got != want {
		t.Errorf("Find = %v, %v; want %v", got, err, want)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the file = %v, %v; want 0600", info.Mode(), err)
	}
	if found, err := k.Erase(t.Context(), "docker.io"); err != nil || !found {
		t.Errorf("Erase = %v, %v", found, err)
	}
	if found, err := k.Erase(t.Context(), "docker.io"); err != nil || found {
		t.Errorf("second Erase = %v, %v; want nothing found", found, err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		PsFormat string
		Auths    map[string]map[string]string
	}
	if err := json.Unmarshal(data, &file); err != nil || file.PsFormat != "x" || file.Auths["a.example"]["email"] != "e" {
		t.Errorf("the file lost what is not ours: %s (%v)", data, err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".config-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// installHelper puts a credential helper named test in PATH that keeps one
// secret per key in files.
func installHelper(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	script := `#!/bin/sh
name() { tr -c 'a-z0-9\n' _; }
case $1 in
store) in=$(cat); key=$(printf '%s\n' "$in" | sed 's/.*"ServerURL":"\([^"]*\)".*/\1/' | name); printf '%s' "$in" > DIR/key-$key ;;
get) key=$(sed '$a\' | name); cat DIR/key-$key 2>/dev/null || { echo credentials not found in native keychain; exit 1; } ;;
erase) key=$(sed '$a\' | name); rm DIR/key-$key ;;
esac
`
	script = strings.ReplaceAll(script, "DIR", dir)
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-test"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return dir
}

func TestHelpers(t *testing.T) {
	for _, config := range []string{`{"credsStore":"test"}`, `{"credHelpers":{"r.example":"test"}}`} {
		installHelper(t)
		k, path := open(t, config)
		if got, err := k.Find(t.Context(), "r.example"); err != nil || !got.Anonymous() {
			t.Fatalf("Find before Put = %v, %v", got, err)
		}
		want := auth.Credentials{Username: "u", Password: "helpersecret"}
		if where, err := k.Put(t.Context(), "r.example", want); err != nil || where != "docker-credential-test" {
			t.Fatalf("Put = %q, %v", where, err)
		}
		if data, err := os.ReadFile(path); err != nil || strings.Contains(string(data), "helpersecret") || strings.Contains(string(data), "aGVscGVy") {
			t.Errorf("the secret is in the file as well: %s (%v)", data, err)
		}
		if got, err := k.Find(t.Context(), "r.example"); err != nil || got != want {
			t.Errorf("Find = %v, %v", got, err)
		}
		if found, err := k.Erase(t.Context(), "r.example"); err != nil || !found {
			t.Errorf("Erase = %v, %v", found, err)
		}
		if got, err := k.Find(t.Context(), "r.example"); err != nil || !got.Anonymous() {
			t.Errorf("Find after Erase = %v, %v", got, err)
		}
	}
}

func TestMissingHelperIsNamed(t *testing.T) {
	k, _ := open(t, `{"credsStore":"vz-does-not-exist"}`)
	_, err := k.Find(t.Context(), "r.example")
	if !errors.Is(err, vzcontract.ErrUnavailable) || !strings.Contains(err.Error(), "docker-credential-vz-does-not-exist") {
		t.Errorf("Find = %v, want ErrUnavailable naming the helper", err)
	}
}

func TestCredentialsHideSecrets(t *testing.T) {
	c := auth.Credentials{Username: "u", Password: "topsecret", IdentityToken: "topsecret", RegistryToken: "topsecret"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb, c); strings.Contains(s, "topsecret") {
			t.Errorf("%s shows the secret: %s", verb, s)
		}
	}
}

// TestDefaultPathWithoutHome is a service of systemd, which has no HOME.
func TestDefaultPathWithoutHome(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"DOCKER_CONFIG", "HOME"} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	got, err := auth.DefaultPath()
	if want := filepath.Join(me.HomeDir, ".docker", "config.json"); err != nil || got != want {
		t.Errorf("DefaultPath() = %q, %v, want %q", got, err, want)
	}
}
