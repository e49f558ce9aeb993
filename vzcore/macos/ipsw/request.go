package ipsw

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/url"
	"path"
	"strings"

	"vz.internal/vzcontract"
)

// A Request names a restore image.
type Request struct {
	URL    string
	SHA256 string // in hexadecimal; empty takes what the server sends
	Size   int64  // bytes; 0 is not known
	// Progress, if not nil, is told how far it is, from one goroutine at a time.
	Progress func(Progress)
}

// A Progress of a fetch. Phases come in the order of the constants; a download that
// goes on after a break is in Downloading again.
type Progress struct {
	Phase       string
	Done, Total int64 // bytes; Total is 0 while it is not known
}

// The phases.
const (
	Waiting     = "waiting" // for another process that fetches the same
	Checking    = "checking"
	Downloading = "downloading"
	Done        = "done"
	Exists      = "exists" // it was there
)

func (r Request) tell(phase string, done, total int64) {
	if r.Progress != nil {
		r.Progress(Progress{Phase: phase, Done: done, Total: total})
	}
}

// maxSize is larger than any restore image; a server that names more is wrong.
const maxSize = 64 << 30

// check returns what is wrong with the request. Where nothing says what the bytes
// must be, they come over TLS or from this host.
func (r Request) check() error {
	u, err := url.Parse(r.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return vzcontract.Errorf(vzcontract.ErrValidation, "%q is no address of a restore image; want https://…", r.URL)
	case u.User != nil:
		return vzcontract.Errorf(vzcontract.ErrValidation, "the address of a restore image on %s has a password in it; leave it out", u.Host)
	case u.Scheme == "http" && r.SHA256 == "" && !loopback(u.Hostname()):
		return vzcontract.Errorf(vzcontract.ErrDenied, "%s is not encrypted and its digest is not known; use https, or pin the sha256", r.URL)
	case r.SHA256 != "" && !ValidDigest(r.SHA256):
		return vzcontract.Errorf(vzcontract.ErrValidation, "%q is no sha256: want 64 hexadecimal digits", r.SHA256)
	case r.Size < 0 || r.Size > maxSize:
		return vzcontract.Errorf(vzcontract.ErrValidation, "a restore image of %d bytes: want 0 to %d", r.Size, int64(maxSize))
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// ValidDigest tells whether text is a sha256 in lower-case hexadecimal.
func ValidDigest(text string) bool {
	raw, err := hex.DecodeString(text)
	return err == nil && len(raw) == sha256.Size && text == strings.ToLower(text)
}

// key is the name of the image's directory in a cache.
func (r Request) key() string {
	sum := sha256.Sum256([]byte(r.URL))
	return hex.EncodeToString(sum[:8])
}

// Name is what people call the image: the last part of its address.
func (r Request) Name() string {
	u, err := url.Parse(r.URL)
	if err != nil {
		return r.URL
	}
	return path.Base(u.Path)
}
