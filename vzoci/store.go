package vzoci

import (
	"context"
	"errors"
	"io"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/auth"
	"vz.internal/vzoci/internal/pull"
	"vz.internal/vzoci/internal/registry"
	"vz.internal/vzoci/internal/store"
)

// A Store is an image store on disk together with the registries that images
// come from. It is safe for concurrent use, and several processes may have the
// same directory open.
type Store struct {
	store  *store.Store
	config config
	client func() (*registry.Client, error)
	unpack pull.Unpacker
}

var (
	_ vzcontract.Images         = (*Store)(nil)
	_ vzcontract.RootFSProvider = (*Store)(nil)
	_ vzcontract.LayerCommitter = (*Store)(nil)
)

type config struct {
	credentials string
	settings    string
	insecure    bool
	builtin     func() (string, error)
	makeBuiltin builtinMaker
	unpack      func(*store.Store) pull.Unpacker
}

// An Option changes how [Open] opens a store. The defaults suit most callers.
type Option func(*config)

// WithCredentials names Docker's configuration file, which has the credentials.
// The default is [auth.DefaultPath].
func WithCredentials(path string) Option { return func(c *config) { c.credentials = path } }

// WithSettings names the file with the settings of registries: mirrors,
// certificates, insecure ones. The default is none.
func WithSettings(path string) Option { return func(c *config) { c.settings = path } }

// WithInsecure allows plain http and any certificate for every registry.
func WithInsecure() Option { return func(c *config) { c.insecure = true } }

// WithBuiltin says where the program is that the image vz:builtin is made of.
// It is called when that image is asked for.
func WithBuiltin(box func() (path string, err error)) Option {
	return func(c *config) { c.builtin = box }
}

// Open returns the store in dir, an absolute path, and makes it if needed. It
// touches no network. Nothing has to be closed.
func Open(dir string, opts ...Option) (*Store, error) {
	s := &Store{config: config{unpack: unpacker, makeBuiltin: newBuiltin}}
	for _, opt := range opts {
		opt(&s.config)
	}
	var err error
	if s.store, err = store.Open(dir); err != nil {
		return nil, err
	}
	s.unpack = s.config.unpack(s.store)
	s.client = sync.OnceValues(s.newClient) // most commands need none
	return s, nil
}

func (s *Store) newClient() (*registry.Client, error) {
	settings, err := loadSettings(s.config.settings)
	if err != nil {
		return nil, err
	}
	keychain, err := auth.Open(s.config.credentials)
	if err != nil {
		return nil, err
	}
	return registry.New(registry.Options{Credentials: keychain.Find, Settings: settings, Insecure: s.config.insecure, UserAgent: userAgent})
}

// session runs work with a session of the store.
func (s *Store) session(ctx context.Context, work func(*store.Session) error) (err error) {
	t, err := s.store.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	return work(t)
}

// layerDirs returns the directories of chain ids in the same order.
func layerDirs(s *store.Store, chain []v1.Hash) []string {
	dirs := make([]string, len(chain))
	for i, d := range chain {
		dirs[i] = s.LayerDir(d)
	}
	return dirs
}

// readAll reads a small blob and checks that it is what its name says.
func (s *Store) readAll(d v1.Hash) ([]byte, error) {
	f, err := s.store.OpenBlob(d)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxDocument))
	if err != nil {
		return nil, err
	}
	if digestOf(raw) != d {
		return nil, vzcontract.Errorf(vzcontract.ErrInternal, "blob %s is damaged; vz doctor --repair fetches it again", d)
	}
	return raw, nil
}
