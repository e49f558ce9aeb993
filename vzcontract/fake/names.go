package fake

import (
	"crypto/rand"
	"encoding/hex"
	"strings"

	"vz.internal/vzcontract"
)

func randomID() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func (b *Backend) freeName() string {
	for {
		id := randomID()
		name := adjectives[int(id[0])%len(adjectives)] + "_" + nouns[int(id[1])%len(nouns)] + "_" + id[:4]
		if b.byName(name) == nil {
			return name
		}
	}
}

var (
	adjectives = []string{"brisk", "calm", "clever", "eager", "gentle", "happy", "keen", "lucid", "proud", "quiet"}
	nouns      = []string{"badger", "crane", "falcon", "heron", "lynx", "marten", "otter", "raven", "swift", "wren"}
)

func (b *Backend) byName(name string) *container {
	for _, c := range b.st.Containers {
		if c.Info.Name == name {
			return c
		}
	}
	return nil
}

// find resolves a name, an id or an unambiguous prefix of an id.
func (b *Backend) find(op, ref string) (*container, error) {
	ref = strings.TrimPrefix(ref, "/")
	if c := b.byName(ref); c != nil {
		return c, nil
	}
	if c := b.st.Containers[ref]; c != nil {
		return c, nil
	}
	var found *container
	for id, c := range b.st.Containers {
		if ref == "" || !strings.HasPrefix(id, ref) {
			continue
		}
		if found != nil {
			return nil, &vzcontract.Error{
				Op: op, Kind: "container", Name: ref, Class: vzcontract.ErrValidation,
				Err: vzcontract.Errorf(vzcontract.ErrValidation, "the id prefix is ambiguous: give more digits"),
			}
		}
		found = c
	}
	if found == nil {
		return nil, &vzcontract.Error{
			Op: op, Kind: "container", Name: ref, Class: vzcontract.ErrNotFound,
			Err: vzcontract.Errorf(vzcontract.ErrNotFound, "no such container"),
		}
	}
	return found, nil
}

// failure names the operation and the container of an error.
func failure(op string, c *container, class error, format string, args ...any) error {
	return &vzcontract.Error{
		Op: op, Kind: "container", Name: c.Info.Name, Class: class,
		Err: vzcontract.Errorf(class, format, args...),
	}
}
