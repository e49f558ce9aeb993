package registry

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vz.internal/vzcontract"
)

const (
	clientID      = "vz"
	maxTokenSize  = 1 << 20
	defaultExpiry = time.Minute // where the answer names none
)

// fetch gets a bearer token for scope from the realm of the challenge, by the
// rules of Docker's token protocol. It must be called with mu held.
func (a *authorizer) fetch(ctx context.Context, scope string) (token, error) {
	realm, err := a.realm()
	if err != nil {
		return token{}, err
	}
	var t token
	err = a.endpoint.client.retry(ctx, func() error {
		req, err := a.tokenRequest(ctx, realm, scope)
		if err != nil {
			return err
		}
		t, err = a.exchange(req)
		return err
	})
	return t, err
}

// realm returns the token server's URL. It may be plain http only where the
// registry itself may.
func (a *authorizer) realm() (*url.URL, error) {
	name := a.endpoint.name
	u, err := url.Parse(a.wanted.params["realm"])
	if err != nil || u.Host == "" || u.User != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrUnavailable, "registry %s names no usable token server", name)
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && (isLoopback(u.Host) || a.endpoint.insecure)) {
		return nil, vzcontract.Errorf(vzcontract.ErrDenied, "registry %s wants credentials sent to %s without TLS, which is refused", name, u.Host)
	}
	return u, nil
}

func (a *authorizer) tokenRequest(ctx context.Context, realm *url.URL, scope string) (*http.Request, error) {
	v := realm.Query()
	if s := a.wanted.params["service"]; s != "" {
		v.Set("service", s)
	}
	for s := range strings.FieldsSeq(scope) {
		v.Add("scope", s)
	}
	u := *realm
	if refresh := a.creds.IdentityToken; refresh != "" {
		v.Set("scope", scope)
		v.Set("grant_type", "refresh_token")
		v.Set("refresh_token", refresh)
		v.Set("client_id", clientID)
		u.RawQuery = ""
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(v.Encode()))
		if err == nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		return req, err
	}
	v.Set("client_id", clientID)
	if a.creds.Username != "" {
		v.Set("account", a.creds.Username)
	}
	u.RawQuery = v.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err == nil && a.creds.Username != "" {
		req.Header.Set("Authorization", basic(*a.creds))
	}
	return req, err
}

func (a *authorizer) exchange(req *http.Request) (token, error) {
	req.Header.Set("User-Agent", a.endpoint.client.opts.UserAgent)
	resp, err := a.endpoint.client.http.Do(req)
	if err != nil {
		return token{}, a.endpoint.unreachable(err)
	}
	defer drain(resp)
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusBadRequest:
		return token{}, a.deniedLocked(nil)
	default:
		return token{}, a.endpoint.failure(resp, "", "")
	}
	var answer struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, maxTokenSize)).Decode(&answer)
	value := answer.Token
	if value == "" {
		value = answer.AccessToken
	}
	if err != nil || value == "" || strings.ContainsAny(value, "\r\n") {
		return token{}, vzcontract.Errorf(vzcontract.ErrUnavailable, "the token server %s of registry %s gave no usable token", req.URL.Host, a.endpoint.name)
	}
	life := defaultExpiry
	if answer.ExpiresIn > 0 && answer.ExpiresIn < 1<<31 {
		life = max(time.Duration(answer.ExpiresIn)*time.Second, 2*expiryMargin)
	}
	return token{value: value, expires: time.Now().Add(life)}, nil
}
