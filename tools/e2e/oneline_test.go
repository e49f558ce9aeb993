//go:build linux

package e2e

import (
	"strings"
	"testing"

	"vz.internal/tools/e2e/internal/vztest"
)

// oneLine fails the test unless the command failed with the code and one line
// on stderr that begins with "vz: " and contains each of words. Other lines of
// progress before it count as more than one line.
func oneLine(t *testing.T, r vztest.Result, code int, words ...string) {
	t.Helper()
	if r.Code != code {
		t.Errorf("%s\nwant exit code %d", r, code)
	}
	line, ended := strings.CutSuffix(r.Stderr, "\n")
	if !ended || !strings.HasPrefix(line, "vz: ") || strings.Contains(line, "\n") {
		t.Errorf("%s\nwant one line that begins with vz:", r)
	}
	for _, w := range words {
		if !strings.Contains(line, w) {
			t.Errorf("%s\nwant %q in the message", r, w)
		}
	}
}
