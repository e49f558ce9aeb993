package compose

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite docs/compose.md")

func TestDocument(t *testing.T) {
	const name = "../../docs/compose.md"
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(Document()), 0o644))
	}
	have, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the documents of the repository are not here")
	}
	require.NoError(t, err)
	require.Equal(t, Document(), string(have), "run go test ./vzstack/compose -run TestDocument -update")
}
