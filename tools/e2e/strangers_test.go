//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"vz.internal/tools/e2e/internal/vztest"
)

// State that somebody else has made, or can change, is not believed: neither root's nor
// an ordinary user's vz does what its records and images say.
func TestStrangersState(t *testing.T) {
	for name, home := range map[string]func(*testing.T) *vztest.Home{
		"root":     func(t *testing.T) *vztest.Home { return vztest.New(t) },
		"somebody": func(t *testing.T) *vztest.Home { return ordinary(t, somebody) },
	} {
		t.Run(name, func(t *testing.T) {
			h := home(t)
			h.Must("ps")
			for variable, dir := range map[string]string{"VZ_HOME": h.Home(), "VZ_RUN": h.Run()} {
				if err := os.MkdirAll(dir, 0o700); err != nil {
					t.Fatal(err)
				}
				uid := owner(t, h.Dir)
				give := func(uid int, mode os.FileMode) {
					t.Helper()
					if err := os.Chown(dir, uid, uid); err != nil {
						t.Fatal(err)
					}
					if err := os.Chmod(dir, mode); err != nil {
						t.Fatal(err)
					}
				}
				give(lonely.UID, 0o755)
				oneLine(t, h.Do("ps"), 1, dir, "another user", variable)
				give(uid, 0o777)
				oneLine(t, h.Do("ps"), 1, dir, "chmod", variable)
				give(uid, 0o700)
				h.Must("ps")
			}
		})
	}
}

func owner(t *testing.T, path string) int {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(st.Sys().(*syscall.Stat_t).Uid)
}

// After su the variable of the user before is there: it leads neither to that user's
// directory nor to an error.
func TestRootlessStrangersRuntimeDir(t *testing.T) {
	h := ordinary(t, somebody)
	theirs := filepath.Join(h.Dir, "theirs")
	if err := os.Mkdir(theirs, 0o777); err != nil {
		t.Fatal(err)
	}
	for mode, uid := range map[os.FileMode]int{0o700: lonely.UID, 0o777: lonely.UID, 0o755: 0} {
		if err := os.Chmod(theirs, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(theirs, uid, uid); err != nil {
			t.Fatal(err)
		}
		cmd := h.Program("env", "-u", "VZ_RUN", "XDG_RUNTIME_DIR="+theirs, "vz", "run", "--rm", "--network", "none", "vz:builtin", "echo", "hi")
		same(t, vztest.Finish(cmd), "hi")
		if entries, err := os.ReadDir(theirs); err != nil || len(entries) > 0 {
			t.Errorf("in the stranger's directory: %v, %v", entries, err)
		}
	}
}

// What a shell has open for itself, beside stdin, stdout and stderr, is not kept open by
// what stays: the holder of a session, a monitor, a container and an uplink's programs.
func TestDescriptors(t *testing.T) {
	for name, home := range map[string]func(*testing.T) *vztest.Home{
		"root":     func(t *testing.T) *vztest.Home { return vztest.New(t) },
		"somebody": func(t *testing.T) *vztest.Home { return ordinary(t, somebody) },
	} {
		t.Run(name, func(t *testing.T) {
			h := home(t)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			cmd := h.Command("run", "-d", "--name", "a", "vz:builtin", "sleep", "1000")
			cmd.ExtraFiles = []*os.File{w, w, w, w, w, w, w, w}
			if res := vztest.Finish(cmd); res.Code != 0 {
				t.Fatal(res)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			this, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", r.Fd()))
			if err != nil {
				t.Fatal(err)
			}
			self := strconv.Itoa(os.Getpid())
			fds, err := filepath.Glob("/proc/[0-9]*/fd/*")
			if err != nil {
				t.Fatal(err)
			}
			for _, fd := range fds {
				to, err := os.Readlink(fd)
				if err == nil && to == this && !strings.HasPrefix(fd, "/proc/"+self+"/") {
					command, _ := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(fd)), "cmdline")) // it may just have ended
					t.Errorf("%s has the shell's %s open: %q", fd, to, command)
				}
			}
		})
	}
}

// The holder that takes the place of a killed one does not take a descriptor of the
// shell for the network of the session.
func TestRootlessAgainDescriptors(t *testing.T) {
	h := ordinary(t, somebody)
	h.Must("run", "-d", "--name", "a", "--network", "none", "vz:builtin", "sleep", "1000")
	killAll(t, append(holders(h), monitors(h)...))
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	cmd := h.Command("ps", "-q")
	cmd.ExtraFiles = []*os.File{null, null, null, null, null, null}
	if r := vztest.Finish(cmd); r.Code != 0 || r.Stderr != "" {
		t.Error(r)
	}
	h.Must("rm", "-f", "a")
}
