package registrytest

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
)

const tokenPath = "/token"

// access is who may come in, and how.
type access struct {
	user, password string
	bearer         bool
	anonymousPull  bool
	valid          map[string]string // token: scopes, space separated
}

// RequireBasic lets in only who has this password.
func (s *Server) RequireBasic(user, password string) {
	s.setAccess(&access{user: user, password: password})
}

// RequireBearer lets in only who has a token from the server's token service.
// With anonymousPull that service gives tokens for pulling to anybody.
func (s *Server) RequireBearer(user, password string, anonymousPull bool) {
	s.setAccess(&access{user: user, password: password, bearer: true, anonymousPull: anonymousPull, valid: map[string]string{}})
}

// ExpireTokens makes all tokens given so far worthless.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.access.valid)
}

// CertificatePEM returns the server's certificate.
func (s *Server) CertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})
}

func (s *Server) setAccess(a *access) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.access = a
}

// admit answers for itself when it does not let the request in.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.access
	if a == nil {
		return true
	}
	if !a.bearer {
		user, password, ok := r.BasicAuth()
		if ok && user == a.user && password == a.password {
			return true
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return false
	}
	scope := needed(r.Method, path)
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	held, ok := a.valid[token]
	if ok && (scope == "" || grants(held, scope)) {
		return true
	}
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s%s",service="test",scope=%q`, s.http.URL, tokenPath, scope))
	refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	return false
}

// needed returns the scope that a request takes.
func needed(method, path string) string {
	repository, kind, _ := split(path)
	if kind == "" {
		return ""
	}
	if method == http.MethodGet && kind != "uploads" || method == http.MethodHead {
		return "repository:" + repository + ":pull"
	}
	return "repository:" + repository + ":pull,push"
}

func grants(held, scope string) bool {
	for h := range strings.FieldsSeq(held) {
		if h == scope || strings.TrimSuffix(h, ",push") == scope {
			return true
		}
	}
	return false
}

func (s *Server) giveToken(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.access
	if a == nil || !a.bearer {
		http.NotFound(w, r)
		return
	}
	scopes := strings.Join(r.URL.Query()["scope"], " ")
	user, password, given := r.BasicAuth()
	trusted := given && user == a.user && password == a.password
	if r.Method == http.MethodPost {
		trusted = r.FormValue("grant_type") == "refresh_token" && r.FormValue("refresh_token") == a.password
		scopes = r.FormValue("scope")
	}
	anonymous := !given && r.Method == http.MethodGet && a.anonymousPull && !strings.Contains(scopes, "push")
	if !trusted && !anonymous {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	token := fmt.Sprintf("token-%d", len(s.requests))
	a.valid[token] = scopes
	_ = json.NewEncoder(w).Encode(map[string]any{"token": token, "expires_in": 300})
}
