package network

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// answer is a server's with the options given as raw bytes.
func answer(options string) []byte {
	b := make([]byte, 240)
	b[0] = 2
	copy(b[4:], "\x01\x02\x03\x04")
	copy(b[16:], "\x0a\x00\x00\x05")
	copy(b[236:], dhcpMagic)
	return append(b, options...)
}

func TestParseDHCP(t *testing.T) {
	m, err := parseDHCP(answer("\x00\x35\x01\x02\x01\x04\xff\xff\xff\x00\xff rest"))
	require.NoError(t, err)
	require.EqualValues(t, dhcpOffer, m.kind)
	require.Equal(t, netip.MustParseAddr("10.0.0.5"), m.yours)
	require.Equal(t, []byte{255, 255, 255, 0}, m.options[1])
	for name, bad := range map[string][]byte{
		"nothing":          nil,
		"a request":        make([]byte, 300),
		"no type":          answer("\xff"),
		"a long type":      answer("\x35\x02\x02\x02\xff"),
		"half an option":   answer("\x35\x01\x02\x01"),
		"a cut option":     answer("\x35\x01\x02\x01\x09\x00"),
		"a cut message":    answer("")[:239],
		"the wrong cookie": append(answer("")[:236], 0, 0, 0, 0, 0x35, 1, 2),
	} {
		_, err := parseDHCP(bad)
		require.ErrorIs(t, err, errNotDHCP, name)
	}
}

func FuzzParseDHCP(f *testing.F) {
	f.Add(answer("\x35\x01\x02\x01\x04\xff\xff\xff\x00\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := parseDHCP(b); err == nil && len(m.options[53]) != 1 {
			t.Error("an answer without a type")
		}
	})
}
