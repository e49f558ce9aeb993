package auth

import (
	"context"

	"vz.internal/vzoci/reference"
)

// Credentials are what a registry knows a user by. The zero value is nobody:
// anonymous access.
type Credentials struct {
	Username string
	Password string
	// IdentityToken is an OAuth2 refresh token; it is used in place of the
	// password.
	IdentityToken string
	// RegistryToken is a bearer token, sent to the registry as it is.
	RegistryToken string
}

// Anonymous reports whether c is nobody.
func (c Credentials) Anonymous() bool { return c == Credentials{} }

// String hides the secrets.
func (c Credentials) String() string {
	if c.Anonymous() {
		return "anonymous"
	}
	return "user " + c.Username + " (secret hidden)"
}

// GoString hides the secrets from %#v.
func (c Credentials) GoString() string { return c.String() }

// A Source finds the credentials for a registry. Unknown is anonymous, not an
// error.
type Source func(ctx context.Context, registry string) (Credentials, error)

// Static returns a source with the same answer for every registry.
func Static(c Credentials) Source {
	return func(context.Context, string) (Credentials, error) { return c, nil }
}

// dockerHubKey is what Docker files its own registry's credentials under.
const dockerHubKey = "https://index.docker.io/v1/"

// storageKey returns the key that Docker uses for registry.
func storageKey(registry string) string {
	if registry == reference.DefaultRegistry {
		return dockerHubKey
	}
	return registry
}
