package vzoci_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzoci"
	"vz.internal/vzoci/registrytest"
)

func TestLogin(t *testing.T) {
	for name, protect := range map[string]func(*registrytest.Server){
		"basic":  func(s *registrytest.Server) { s.RequireBasic("u", "right") },
		"bearer": func(s *registrytest.Server) { s.RequireBearer("u", "right", true) },
	} {
		t.Run(name, func(t *testing.T) {
			s := registrytest.New(t)
			protect(s)
			config := filepath.Join(t.TempDir(), "config.json")
			logins, err := vzoci.OpenLogins(vzoci.LoginsOptions{Config: config})
			if err != nil {
				t.Fatal(err)
			}
			err = logins.Login(t.Context(), s.Host(), "u", "wrongsecret")
			if !errors.Is(err, vzcontract.ErrDenied) || strings.Contains(err.Error(), "wrongsecret") {
				t.Errorf("wrong password: %v", err)
			}
			if _, err := os.Stat(config); err == nil {
				t.Error("a refused login was kept")
			}
			if err := logins.Login(t.Context(), s.Host(), "u", "right"); err != nil {
				t.Fatal(err)
			}
			if found, err := logins.Logout(t.Context(), s.Host()); err != nil || !found {
				t.Errorf("Logout = %v, %v", found, err)
			}
			if found, err := logins.Logout(t.Context(), s.Host()); err != nil || found {
				t.Errorf("second Logout = %v, %v", found, err)
			}
		})
	}
}

func TestLoginRefusesNonsense(t *testing.T) {
	logins, err := vzoci.OpenLogins(vzoci.LoginsOptions{Config: filepath.Join(t.TempDir(), "config.json")})
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range []string{"a b", "host/path", "-x"} {
		if err := logins.Login(t.Context(), server, "u", "p"); !errors.Is(err, vzcontract.ErrValidation) {
			t.Errorf("Login to %q: %v, want ErrValidation", server, err)
		}
	}
	if err := logins.Login(t.Context(), "r.example", "u", ""); !errors.Is(err, vzcontract.ErrValidation) {
		t.Errorf("empty password: %v", err)
	}
}
