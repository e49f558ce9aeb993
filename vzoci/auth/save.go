package auth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// put stores creds in the file itself.
func (c *Config) put(key string, creds Credentials) error {
	e := entry{IdentityToken: creds.IdentityToken, RegistryToken: creds.RegistryToken}
	if creds.Username != "" {
		e.Auth = base64.StdEncoding.EncodeToString([]byte(creds.Username + ":" + creds.Password))
	}
	return c.set(key, e)
}

// mark notes that a helper holds the credentials for key, as Docker does with
// an empty entry.
func (c *Config) mark(key string) error { return c.set(key, entry{}) }

func (c *Config) set(key string, e entry) error {
	raw, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if c.auths == nil {
		c.auths = map[string]json.RawMessage{}
	}
	c.auths[key] = raw
	return c.save()
}

// remove forgets key; it reports whether there was one.
func (c *Config) remove(key string) (found bool, err error) {
	if _, found = c.auths[key]; !found {
		return false, nil
	}
	delete(c.auths, key)
	return true, c.save()
}

// save replaces the file whole, so that a reader never sees half of it, and
// keeps it private.
func (c *Config) save() error {
	auths, err := json.Marshal(c.auths)
	if err != nil {
		return err
	}
	c.all["auths"] = auths
	data, err := json.MarshalIndent(c.all, "", "\t")
	if err != nil {
		return err
	}
	path := c.path
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a link stays a link
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("store registry credentials: %w", err)
	}
	tmp, err := os.CreateTemp(dir, ".config-*.json") // made with mode 0600
	if err != nil {
		return fmt.Errorf("store registry credentials: %w", err)
	}
	_, err = tmp.Write(append(data, '\n'))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("store registry credentials: %w", errors.Join(err, os.Remove(tmp.Name())))
	}
	return nil
}
