package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"

	"vz.internal/vzcontract"
)

// A helper is a program docker-credential-NAME that keeps secrets elsewhere.
type helper string

// credential is the helpers' wire form.
type credential struct {
	ServerURL string
	Username  string
	Secret    string
}

// identityTokenUser is the user name that marks a secret as a refresh token.
const identityTokenUser = "<token>"

// errHelperUnknown: the helper works and has nothing under that key.
var errHelperUnknown = errors.New("no credentials in the helper")

func (h helper) get(ctx context.Context, key string) (Credentials, error) {
	out, err := h.run(ctx, "get", []byte(key))
	if errors.Is(err, errHelperUnknown) {
		return Credentials{}, nil
	}
	if err != nil {
		return Credentials{}, err
	}
	var c credential
	if err := json.Unmarshal(out, &c); err != nil {
		return Credentials{}, vzcontract.Errorf(vzcontract.ErrUnavailable, "%s get: its answer is not JSON", h.program())
	}
	if c.Username == identityTokenUser {
		return Credentials{IdentityToken: c.Secret}, nil
	}
	return Credentials{Username: c.Username, Password: c.Secret}, nil
}

func (h helper) put(ctx context.Context, key string, creds Credentials) error {
	c := credential{ServerURL: key, Username: creds.Username, Secret: creds.Password}
	if creds.IdentityToken != "" {
		c.Username, c.Secret = identityTokenUser, creds.IdentityToken
	}
	in, err := json.Marshal(c)
	if err != nil {
		return err
	}
	_, err = h.run(ctx, "store", in)
	return err
}

// erase forgets key; it reports whether there was one.
func (h helper) erase(ctx context.Context, key string) (found bool, err error) {
	if held, err := h.get(ctx, key); err != nil || held.Anonymous() {
		return false, err
	}
	_, err = h.run(ctx, "erase", []byte(key))
	return err == nil, err
}

func (h helper) program() string { return "docker-credential-" + string(h) }

// run talks to the helper. Its standard output is never part of an error: it
// may hold the secret.
func (h helper) run(ctx context.Context, verb string, in []byte) ([]byte, error) {
	if strings.ContainsAny(string(h), "/\\") {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "credential helper %q: must be a name, not a path", string(h))
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, h.program(), verb)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &stdout, &stderr
	err := cmd.Run()
	if err == nil {
		return stdout.Bytes(), nil
	}
	if errors.Is(err, exec.ErrNotFound) {
		return nil, vzcontract.Errorf(vzcontract.ErrUnavailable, "%s, which the Docker configuration names, is not in PATH; install it or remove it from credsStore and credHelpers", h.program())
	}
	// Helpers tell "unknown" by this text alone, on either stream.
	if said := stdout.String() + stderr.String(); strings.Contains(said, "credentials not found") {
		return nil, errHelperUnknown
	}
	return nil, vzcontract.Errorf(vzcontract.ErrUnavailable, "%s %s: %v: %s", h.program(), verb, err, firstLine(stderr.String()))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
