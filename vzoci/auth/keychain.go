package auth

import (
	"context"
	"errors"

	"vz.internal/vzoci/reference"
)

// A Keychain finds, stores and forgets credentials in one configuration file
// and its helpers. The file is read anew by each call, so a login elsewhere is
// seen at once. Methods are safe for concurrent use, but two processes that
// log in at the same moment may lose one of the logins, as with Docker.
type Keychain struct {
	path string
}

// Open returns the keychain of the file at path, or of [DefaultPath] for "".
func Open(path string) (*Keychain, error) {
	if path == "" {
		var err error
		if path, err = DefaultPath(); err != nil {
			return nil, err
		}
	}
	return &Keychain{path: path}, nil
}

// Find returns the credentials for registry; it is a [Source].
func (k *Keychain) Find(ctx context.Context, registry string) (Credentials, error) {
	config, err := Load(k.path)
	if err != nil {
		return Credentials{}, err
	}
	keys := []string{storageKey(registry)}
	if registry == reference.DefaultRegistry {
		keys = append(keys, "index.docker.io", "registry-1.docker.io", reference.DefaultRegistry)
	}
	for _, key := range keys {
		creds, err := config.find(ctx, key)
		if err != nil || !creds.Anonymous() {
			return creds, err
		}
	}
	return Credentials{}, nil
}

func (c *Config) find(ctx context.Context, key string) (Credentials, error) {
	if name := c.helperFor(key); name != "" {
		creds, err := helper(name).get(ctx, key)
		if err != nil || !creds.Anonymous() {
			return creds, err
		}
	}
	return c.lookup(key)
}

// Put stores credentials for registry. Where tells where they went: the
// helper's program or the file, the latter in plain text.
func (k *Keychain) Put(ctx context.Context, registry string, creds Credentials) (where string, err error) {
	config, err := Load(k.path)
	if err != nil {
		return "", err
	}
	key := storageKey(registry)
	name := config.helperFor(key)
	if name == "" {
		return k.path, config.put(key, creds)
	}
	if err := helper(name).put(ctx, key, creds); err != nil {
		return "", err
	}
	return helper(name).program(), config.mark(key)
}

// Erase forgets the credentials for registry in the helper and in the file. It
// reports whether there were any.
func (k *Keychain) Erase(ctx context.Context, registry string) (found bool, err error) {
	config, err := Load(k.path)
	if err != nil {
		return false, err
	}
	key := storageKey(registry)
	inHelper := false
	if name := config.helperFor(key); name != "" {
		inHelper, err = helper(name).erase(ctx, key)
	}
	inFile, fileErr := config.remove(key)
	return inHelper || inFile, errors.Join(err, fileErr)
}
