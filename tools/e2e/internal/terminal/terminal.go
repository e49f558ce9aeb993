// Package terminal drives a shell in a real terminal, that of tmux, as a person
// would: it types keys, reads what appears, changes the size.
package terminal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long something may take to appear before the test fails.
const patience = time.Minute

// A Terminal is a window of tmux with a shell whose prompt is "host$ ".
type Terminal struct {
	t      testing.TB
	socket string

	mu   sync.Mutex
	more *sync.Cond
	text string // what was printed and not yet expected; guarded by mu
	end  bool   // nothing more will be printed; guarded by mu
}

// Open starts a terminal of 80 columns and 24 rows whose shell has the
// environment. It is closed when the test ends.
func Open(t testing.TB, env []string) *Terminal {
	t.Helper()
	dir, err := os.MkdirTemp("", "tty") // short, for the socket
	if err != nil {
		t.Fatal(err)
	}
	term := &Terminal{t: t, socket: filepath.Join(dir, "s")}
	term.more = sync.NewCond(&term.mu)
	t.Cleanup(func() {
		_ = exec.Command("tmux", "-S", term.socket, "kill-server").Run() // it may have been killed
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	fifo := filepath.Join(dir, "out")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	rc := filepath.Join(dir, "rc")
	if err := os.WriteFile(rc, []byte("PS1='host$ '\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env = append(env, "ENV="+rc, "TMUX_TMPDIR="+dir)
	term.tmux(env, "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24",
		"tmux -S "+term.socket+" wait-for seen; exec sh")
	term.tmux(env, "set", "-g", "window-size", "manual")
	term.tmux(env, "pipe-pane", "exec cat >"+fifo)
	out, err := os.Open(fifo)
	if err != nil {
		t.Fatal(err)
	}
	go term.read(out)
	term.tmux(env, "wait-for", "-S", "seen")
	term.Expect(`host\$ `)
	return term
}

func (term *Terminal) tmux(env []string, args ...string) string {
	term.t.Helper()
	cmd := exec.Command("tmux", append([]string{"-S", term.socket}, args...)...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil {
		term.t.Fatalf("tmux %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// read collects what the terminal shows until it ends.
func (term *Terminal) read(out io.ReadCloser) {
	defer out.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := out.Read(buffer)
		term.mu.Lock()
		term.text += string(buffer[:n])
		term.end = err != nil
		term.more.Broadcast()
		term.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Type types text as it is.
func (term *Terminal) Type(text string) {
	term.t.Helper()
	term.tmux(nil, "send-keys", "-l", "--", text)
}

// Line types text and Enter.
func (term *Terminal) Line(text string) {
	term.t.Helper()
	term.Type(text)
	term.Press("Enter")
}

// Press presses keys by tmux's names: Left, C-c, Enter.
func (term *Terminal) Press(keys ...string) {
	term.t.Helper()
	term.tmux(nil, append([]string{"send-keys"}, keys...)...)
}

// Resize changes the size of the window.
func (term *Terminal) Resize(columns, rows int) {
	term.t.Helper()
	term.tmux(nil, "resize-window", "-x", fmt.Sprint(columns), "-y", fmt.Sprint(rows))
}

// Screen returns what the terminal shows now.
func (term *Terminal) Screen() string {
	term.t.Helper()
	return term.tmux(nil, "capture-pane", "-p")
}

// Expect waits until what was printed since the last match matches the pattern,
// and returns the submatches.
func (term *Terminal) Expect(pattern string) []string {
	term.t.Helper()
	re := regexp.MustCompile(pattern)
	late := false
	timer := time.AfterFunc(patience, func() {
		term.mu.Lock()
		late = true
		term.more.Broadcast()
		term.mu.Unlock()
	})
	defer timer.Stop()
	term.mu.Lock()
	defer term.mu.Unlock()
	for {
		if at := re.FindStringSubmatchIndex(term.text); at != nil {
			found := re.FindStringSubmatch(term.text)
			term.text = term.text[at[1]:]
			return found
		}
		if late || term.end {
			term.t.Fatalf("the terminal did not show %q; it showed %q", pattern, term.text)
		}
		term.more.Wait()
	}
}

// Kill kills the terminal as kill -9 does: tmux and the shell in it.
func (term *Terminal) Kill() {
	term.t.Helper()
	pids := term.tmux(nil, "display-message", "-p", "#{pid} #{pane_pid}")
	for pid := range strings.FieldsSeq(pids) {
		n, err := strconv.Atoi(pid)
		if err != nil {
			term.t.Fatal(err)
		}
		// The shell may have ended already, by the hangup of tmux.
		if err := syscall.Kill(n, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			term.t.Fatal(err)
		}
	}
}
