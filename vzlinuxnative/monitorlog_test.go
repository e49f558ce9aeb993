//go:build linux

package vzlinuxnative

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMonitorLogIsRotated(t *testing.T) {
	file := filepath.Join(t.TempDir(), "monitors.log")
	write := func(line string) {
		t.Helper()
		f, err := openMonitorLog(file)
		require.NoError(t, err)
		defer f.Close()
		_, err = f.WriteString(line)
		require.NoError(t, err)
	}
	content := func(name string) string {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		return string(b)
	}
	write("one\n")
	write("two\n")
	require.Equal(t, "one\ntwo\n", content(file))
	for _, line := range []string{"three\n", "four\n"} {
		require.NoError(t, os.Truncate(file, maxMonitorLog))
		write(line)
		require.Equal(t, line, content(file), "a new one")
		require.Len(t, content(file+".1"), maxMonitorLog, "the one before it")
		require.NoFileExists(t, file+".2")
	}
}
