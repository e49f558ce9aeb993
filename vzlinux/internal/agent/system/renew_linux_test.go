package system

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIsHostname(t *testing.T) {
	for _, name := range []string{"a", "vz", "db-1.example.org", "9", strings.Repeat("a", 64)} {
		require.True(t, isHostname(name), name)
	}
	for _, name := range []string{"", "-a", "a-", ".a", "a.", "a b", "a/b", "a\n", "ä", strings.Repeat("a", 65)} {
		require.False(t, isHostname(name), name)
	}
}
