//go:build linux

package e2e

import (
	"testing"

	"vz.internal/tools/e2e/internal/need"
	"vz.internal/tools/e2e/internal/terminal"
	"vz.internal/tools/e2e/internal/vztest"
)

// open returns a home and a terminal whose shell uses it.
func open(t *testing.T) (*vztest.Home, *terminal.Terminal) {
	t.Helper()
	need.Programs(t, "tmux")
	h := vztest.New(t)
	return h, terminal.Open(t, h.Environ())
}

// A shell in a container is used as any shell: its lines are edited, its
// programs interrupted, and it follows the window's size.
func TestInteractiveShell(t *testing.T) {
	h, term := open(t)
	image := debian(t, "gzip")
	h.Must("pull", "-q", image)
	term.Line("stty -g; vz run -it --rm --name c -e 'PS1=in''side> ' " + image + " bash --norc --noprofile; echo code=$?")
	before := term.Expect(`([0-9a-f:]{30,})`)[1]
	term.Expect(`inside> `)

	term.Type("echo helo")
	term.Press("Left", "l", "Enter")
	term.Expect(`hello\r\n`)
	term.Expect(`inside> `)
	term.Press("Up", "Enter") // history
	term.Expect(`hello\r\n`)

	term.Line(`sh -c "echo st''arted; exec sleep 1000"`)
	term.Expect(`started\r\n`)
	term.Press("C-c")
	term.Expect(`inside> `)
	term.Line("echo was=$?")
	term.Expect(`was=130`)

	term.Line("stty size")
	term.Expect(`24 80\r\n`)
	term.Line("trap 'stty size' WINCH; echo tra''pped")
	term.Expect(`trapped\r\n`)
	term.Resize(101, 33)
	term.Expect(`33 101\r`)

	term.Line("tty; exit 9")
	term.Expect(`/dev/(pts/0|console)\r`)
	term.Expect(`code=9\r`)
	term.Line("stty -g")
	if after := term.Expect(`([0-9a-f:]{30,})`)[1]; after != before {
		t.Errorf("the terminal was left with settings %s, they were %s", after, before)
	}
}

// ctrl-p ctrl-q leaves the container running, attach comes back to the same
// shell, and its exit code is that of attach.
func TestDetachAndAttach(t *testing.T) {
	h, term := open(t)
	image := busybox(t, "busybox")
	h.Must("pull", "-q", image)
	term.Line("vz run -it --name c -e 'PS1=in''side> ' " + image + " sh; echo code=$?")
	term.Expect(`inside> `)
	term.Line("mine=kept")
	term.Expect(`inside> `)
	term.Press("C-p", "C-q")
	term.Expect(`code=0\r`)
	if got := h.Inspect("c", "{{.State.Status}}"); got != "running" {
		t.Fatalf("after ctrl-p ctrl-q the container is %s", got)
	}
	term.Resize(90, 20)
	term.Line("vz attach c; echo code=$?")
	term.Press("Enter")
	term.Expect(`inside> `)
	term.Line("echo mine=$mine; stty size")
	term.Expect(`mine=kept\r\n20 90\r`)
	term.Press("C-p", "x") // only half of the sequence: both keys are the shell's
	term.Press("C-c")
	term.Line("exit 4")
	term.Expect(`code=4\r`)
}

// exec has its own keys to detach and its own terminal.
func TestExecInTerminal(t *testing.T) {
	h, term := open(t)
	image := busybox(t, "busybox")
	h.Must("run", "-q", "-d", "--name", "c", image, "sleep", "1000")
	term.Line("vz exec -it -e 'PS1=in''side> ' c sh; echo code=$?")
	term.Expect(`inside> `)
	term.Line("stty size; tty; exit 3")
	term.Expect(`24 80\r\n/dev/pts/\d+\r`)
	term.Expect(`code=3\r`)
	term.Line("vz exec -it --detach-keys ctrl-a,d -e 'PS1=in''side> ' c sh; echo code=$?")
	term.Expect(`inside> `)
	term.Press("C-a", "d")
	term.Expect(`code=\d+\r`)
	if got := h.Inspect("c", "{{.State.Status}}"); got != "running" {
		t.Errorf("after detaching from exec the container is %s", got)
	}
}

// The terminal or the shell killed with -9 does not take a detached container down.
func TestKilledTerminal(t *testing.T) {
	h, term := open(t)
	image := busybox(t, "busybox")
	h.Must("pull", "-q", image)
	term.Line("vz run -d --name detached " + image + " sleep 1000; echo code=$?")
	term.Expect(`code=0\r`)
	term.Line("vz run -it --name left -e 'PS1=in''side> ' " + image + " sh; echo code=$?")
	term.Expect(`inside> `)
	term.Press("C-p", "C-q")
	term.Expect(`code=0\r`)
	term.Kill()
	for _, name := range []string{"detached", "left"} {
		if got := h.Inspect(name, "{{.State.Status}}"); got != "running" {
			t.Errorf("after the terminal was killed %s is %s", name, got)
		}
		h.Must("exec", name, "true")
	}
}
