package registry

import (
	"context"
	"encoding/base64"
	"net/http"
	"sync"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/auth"
)

// An authorizer answers an endpoint's challenges. It learns from the first
// refusal what is wanted and keeps tokens until shortly before they expire.
type authorizer struct {
	endpoint *endpoint

	mu     sync.Mutex
	wanted challenge         // guarded by mu; the zero value: nothing asked for yet
	creds  *auth.Credentials // guarded by mu; nil until looked up
	denial bool              // guarded by mu; creds were refused: somebody may have logged in since
	tokens map[string]token  // guarded by mu; by scope
}

type token struct {
	value   string
	expires time.Time
}

// expiryMargin is how long a token must still be good for when it is used.
const expiryMargin = 10 * time.Second

// header returns the value of the Authorization header for scope, "" for none.
func (a *authorizer) header(ctx context.Context, scope string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.wanted.scheme == "" {
		return "", nil
	}
	if err := a.lookUp(ctx); err != nil {
		return "", err
	}
	if a.creds.RegistryToken != "" {
		return "Bearer " + a.creds.RegistryToken, nil
	}
	if a.wanted.scheme == "basic" {
		if a.creds.Username == "" {
			return "", nil
		}
		return basic(*a.creds), nil
	}
	t, ok := a.tokens[scope]
	if !ok || time.Now().Add(expiryMargin).After(t.expires) {
		var err error
		if t, err = a.fetch(ctx, scope); err != nil {
			return "", err
		}
		a.tokens[scope] = t
	}
	return "Bearer " + t.value, nil
}

// lookUp finds the credentials once, and anew after a denial. It must be called with mu
// held.
func (a *authorizer) lookUp(ctx context.Context) error {
	if a.creds != nil && !a.denial {
		return nil
	}
	creds, err := a.endpoint.client.opts.Credentials(ctx, a.endpoint.name)
	if err != nil {
		return err
	}
	a.creds, a.denial = &creds, false
	return nil
}

// learn takes in the challenge of a 401 answer and forgets the token that was
// refused.
func (a *authorizer) learn(h http.Header, scope string, used bool) error {
	var wanted challenge
	for _, c := range parseChallenges(h.Values("WWW-Authenticate")) {
		if c.scheme == "bearer" || c.scheme == "basic" && wanted.scheme == "" {
			wanted = c
		}
	}
	if wanted.scheme == "" {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "registry %s wants neither basic nor bearer authentication", a.endpoint.name)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wanted = wanted
	if used {
		delete(a.tokens, scope)
	}
	return nil
}

func (a *authorizer) isBasic() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.wanted.scheme == "basic"
}

// denied explains a refusal that stays, with the next step. Cause is what the
// registry said; it may be nil.
func (a *authorizer) denied(cause error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.deniedLocked(cause)
}

func (a *authorizer) deniedLocked(cause error) error {
	a.denial = true
	name := a.endpoint.name
	said := ""
	if cause != nil {
		said = ": " + cause.Error()
	}
	if a.creds == nil || a.creds.Anonymous() {
		return vzcontract.Errorf(vzcontract.ErrDenied, "registry %s does not let you in without credentials (or the repository does not exist)%s; log in: vz login %s", name, said, name)
	}
	who := "the stored token"
	if a.creds.Username != "" {
		who = "user " + a.creds.Username
	}
	return vzcontract.Errorf(vzcontract.ErrDenied, "registry %s refuses %s%s; check password and rights, or log in again: vz login %s", name, who, said, name)
}

func basic(c auth.Credentials) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.Username+":"+c.Password))
}
