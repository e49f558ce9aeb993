package vmtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// children returns the processes below the test's: those of its machines.
func children(t testing.TB) map[int]bool {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	below := map[int][]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// The name, in parentheses, may hold anything.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		parent, err := strconv.Atoi(fields[1])
		require.NoError(t, err)
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		require.NoError(t, err)
		below[parent] = append(below[parent], pid)
	}
	found := map[int]bool{}
	for next := below[os.Getpid()]; len(next) > 0; next = next[1:] {
		found[next[0]] = true
		next = append(next, below[next[0]]...)
	}
	return found
}

// memory returns how many megabytes a process has of the memory of a guest, which
// others have too, and its share of all else.
func memory(t testing.TB, pid int) (guest, rest float64) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps", pid))
	require.NoError(t, err)
	ofGuest := false
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if strings.Contains(fields[0], "-") {
			ofGuest = strings.Contains(line, "/memfd:vz-guest")
			continue
		}
		switch {
		case ofGuest && fields[0] == "Rss:":
			guest += megabytes(t, fields[1])
		case !ofGuest && fields[0] == "Pss:":
			rest += megabytes(t, fields[1])
		}
	}
	return guest, rest
}

func megabytes(t testing.TB, kiB string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(kiB, 64)
	require.NoError(t, err)
	return n * 1024 / 1e6
}
