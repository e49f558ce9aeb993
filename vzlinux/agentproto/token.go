package agentproto

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// A Token opens one stream, once. In JSON it is a string of hexadecimal digits.
type Token [16]byte

func newToken() Token {
	var t Token
	_, _ = rand.Read(t[:]) // never fails
	return t
}

// MarshalText implements encoding.TextMarshaler.
func (t Token) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, t[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Token) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(t)) {
		return fmt.Errorf("a token has %d digits, not %d", hex.EncodedLen(len(t)), len(text))
	}
	_, err := hex.Decode(t[:], text)
	return err
}
