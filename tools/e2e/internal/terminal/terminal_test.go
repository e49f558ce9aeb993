//go:build linux

package terminal

import (
	"os"
	"strings"
	"testing"

	"vz.internal/tools/e2e/internal/need"
)

func TestTerminal(t *testing.T) {
	need.Programs(t, "tmux")
	term := Open(t, []string{"PATH=" + os.Getenv("PATH"), "TERM=xterm"})
	term.Line("stty size; echo code=$?")
	if got := term.Expect(`(\d+ \d+)\s+code=(\d)`); got[1] != "24 80" || got[2] != "0" {
		t.Errorf("size and code = %q", got)
	}
	term.Resize(100, 30)
	term.Line("stty size")
	term.Expect(`30 100`)
	term.Line("cat")
	term.Type("abd")
	term.Press("BSpace", "c", "Enter")
	term.Expect("abc\r?\n")
	term.Press("C-c")
	term.Expect(`host\$ `)
	if screen := term.Screen(); !strings.Contains(screen, "abc") {
		t.Errorf("screen = %q", screen)
	}
	term.Kill()
}
