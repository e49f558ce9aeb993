package secret

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
)

// maxSize bounds a secret, as docker does.
const maxSize = 500 << 10

var namePattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$`) })

// keyFile holds the key of fingerprints; its name is none that a secret has.
const keyFile = ".key"

// A Store keeps secrets in a directory.
type Store struct{ dir string }

// New returns the store in dir, which is made when the first secret is. It
// does no I/O.
func New(dir string) *Store { return &Store{dir: dir} }

// Info is what may be known of a secret.
type Info struct {
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
}

func problem(op, name string, class error, why string) error {
	return &vzcontract.Error{Op: op, Kind: "secret", Name: name, Class: class, Err: vzcontract.Errorf(class, "%s", why)}
}

func checkName(op, name string) error {
	if !namePattern().MatchString(name) {
		return problem(op, name, vzcontract.ErrValidation, "want up to 64 of [a-zA-Z0-9_.-], not starting with . or -")
	}
	return nil
}

// Create keeps what r has. A name in use is ErrConflict; nothing is replaced.
func (s *Store) Create(name string, r io.Reader) error {
	if err := checkName("create", name); err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	switch {
	case err != nil:
		return problem("create", name, vzcontract.ErrInternal, "read it: "+err.Error())
	case len(data) == 0:
		return problem("create", name, vzcontract.ErrValidation, "it is empty")
	case len(data) > maxSize:
		return problem("create", name, vzcontract.ErrValidation, "it is larger than 500 KiB")
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	err = s.write(name, data)
	if errors.Is(err, fs.ErrExist) {
		return problem("create", name, vzcontract.ErrConflict, "the name is in use: remove that secret first, or choose another name")
	}
	return err
}

// write makes a file that is there wholly or not at all, and never replaces one.
func (s *Store) write(name string, data []byte) error {
	f, err := os.CreateTemp(s.dir, ".new-*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // its second name stays
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), filepath.Join(s.dir, name))
}

// Read returns what a secret holds.
func (s *Store) Read(name string) ([]byte, error) {
	if err := checkName("read", name); err != nil {
		return nil, err
	}
	data, err := statefile.Read(filepath.Join(s.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, problem("read", name, vzcontract.ErrNotFound, "no such secret")
	}
	return data, err
}

// List returns all secrets, by name.
func (s *Store) List() ([]Info, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Info
	for _, e := range entries {
		info, err := e.Info()
		if strings.HasPrefix(e.Name(), ".") || err != nil {
			continue
		}
		all = append(all, Info{Name: e.Name(), Created: info.ModTime()})
	}
	return all, nil
}

// Remove forgets a secret. Containers that have it keep their copy.
func (s *Store) Remove(name string) error {
	if err := checkName("remove", name); err != nil {
		return err
	}
	err := os.Remove(filepath.Join(s.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return problem("remove", name, vzcontract.ErrNotFound, "no such secret")
	}
	return err
}

// Fingerprint names content so that equal content has equal names and the name
// tells nothing of it: short secrets could be guessed from a plain hash.
func (s *Store) Fingerprint(data []byte) string {
	mac := hmac.New(sha256.New, s.key())
	mac.Write(data)
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// key returns the store's key, making it at first use. Without a place to keep
// it, a key of this process does: names then differ next time, and containers
// with secrets are made anew.
func (s *Store) key() []byte {
	path := filepath.Join(s.dir, keyFile)
	if data, err := statefile.Read(path); err == nil && len(data) == sha256.Size {
		return data
	}
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails
	if os.MkdirAll(s.dir, 0o700) == nil && errors.Is(s.write(keyFile, key), fs.ErrExist) {
		if data, err := statefile.Read(path); err == nil && len(data) == sha256.Size {
			return data
		}
	}
	return key
}
