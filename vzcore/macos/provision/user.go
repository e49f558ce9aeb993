package provision

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"strconv"

	"howett.net/plist"

	"vz.internal/vzcontract"
)

// The parameters of a password's hash. Apple's documentation of passwordHash asks for a
// salt of 32 bytes and as many iterations as take 100 ms; a generated password of 128
// bits needs none.
const (
	saltSize    = 32
	entropySize = 128 // what macOS itself stores
	iterations  = 100_000
)

// A passwordHash is one way in which a password is kept.
type passwordHash struct {
	Entropy    []byte `plist:"entropy"`
	Iterations int    `plist:"iterations"`
	Salt       []byte `plist:"salt"`
}

// hashPassword derives what macOS compares a password with.
func hashPassword(password string, salt []byte, iterations int) (passwordHash, error) {
	key, err := pbkdf2.Key(sha512.New, password, salt, iterations, entropySize)
	return passwordHash{Entropy: key, Iterations: iterations, Salt: salt}, err
}

// userRecord is a user of the local directory, a property list of lists of strings.
func userRecord(o Options) ([]byte, error) {
	hash, err := hashPassword(o.Password, o.Salt, iterations)
	if err != nil {
		return nil, err
	}
	shadow, err := plist.Marshal(map[string]passwordHash{"SALTED-SHA512-PBKDF2": hash}, plist.BinaryFormat)
	if err != nil {
		return nil, err
	}
	one := func(s string) []string { return []string{s} }
	record := map[string]any{
		"name":                     one(o.User),
		"realname":                 one(o.FullName),
		"uid":                      one(strconv.Itoa(o.UID)),
		"gid":                      one(strconv.Itoa(staff)),
		"generateduid":             one(o.UUID),
		"home":                     one("/Users/" + o.User),
		"shell":                    one("/bin/zsh"),
		"passwd":                   one("********"),
		"authentication_authority": one(";ShadowHash;HASHLIST:<SALTED-SHA512-PBKDF2>"),
		"ShadowHashData":           [][]byte{shadow},
	}
	for _, what := range []string{"hint", "jpegphoto", "passwd", "picture", "realname", "UserCertificate"} {
		record["_writers_"+what] = one(o.User)
	}
	return plist.Marshal(record, plist.BinaryFormat)
}

// UUID returns the identity of a user of the machine with that id: always the same one,
// so that a guest that is prepared again keeps its user.
func UUID(machine []byte, user string) string {
	sum := sha256.Sum256(append([]byte("vz user "+user+"\x00"), machine...))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // version 8, of RFC 9562
	return fmt.Sprintf("%X-%X-%X-%X-%X", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// checkUser returns an error for a name that no user of macOS may have, or that the
// system's own users have.
func checkUser(name string) error {
	good := len(name) >= 1 && len(name) <= 31
	for i, c := range name {
		letter := c >= 'a' && c <= 'z'
		good = good && (letter || i > 0 && (c >= '0' && c <= '9' || c == '-' || c == '.'))
	}
	switch name {
	case "root", "daemon", "nobody", "guest", "shared", "admin", "wheel", "staff":
		good = false
	}
	if !good {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%q is no name of a user: want 1 to 31 small letters, digits, dashes, dots, and none of the system's", name)
	}
	return nil
}
