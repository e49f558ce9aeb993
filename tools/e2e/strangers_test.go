//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"vz.internal/tools/e2e/internal/need"
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

// The directory that a login has is not used: after su it is another user's, and after a
// logout it is gone, while containers and their network go on.
func TestRootlessLogout(t *testing.T) {
	need.Programs(t, "pasta")
	h := ordinary(t, somebody)
	login := filepath.Join(h.Dir, "login")
	vz := func(args ...string) vztest.Result {
		return vztest.Finish(h.Program(append([]string{"env", "-u", "VZ_RUN", "XDG_RUNTIME_DIR=" + login, "vz"}, args...)...))
	}
	for _, uid := range []int{lonely.UID, somebody.UID} {
		if err := os.Mkdir(login, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(login, uid, uid); err != nil {
			t.Fatal(err)
		}
		same(t, vz("run", "--rm", "vz:builtin", "echo", "hi"), "hi")
		if uid == somebody.UID {
			if r := vz("network", "create", "net"); r.Code != 0 {
				t.Fatal(r)
			}
			if r := vz("run", "-d", "--name", "web", "--network", "net", "vz:builtin", "sh", "-c", "mkdir /w; echo page > /w/index.html; exec httpd -f -p 80 -h /w"); r.Code != 0 {
				t.Fatal(r)
			}
		}
		if err := os.RemoveAll(login); err != nil {
			t.Fatal(err)
		}
	}
	same(t, vz("exec", "web", "echo", "in"), "in")
	same(t, vz("run", "--rm", "--network", "net", "vz:builtin", "wget", "-qO-", "http://web/"), "page")
	same(t, vz("rm", "-f", "web"), "web")
	same(t, vz("network", "rm", "net"), "net")
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

// Who waits for a holder that is killed goes on with the next one.
func TestRootlessHolderKilledMeanwhile(t *testing.T) {
	h := ordinary(t, somebody)
	h.Must("run", "-d", "--name", "a", "--network", "none", "vz:builtin", "sleep", "1000")
	holder, err := strconv.Atoi(holders(h)[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(holder, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	done := make(chan vztest.Result)
	go func() { done <- h.Do("ps", "--format", "{{.Names}}") }()
	eventually(t, func() error {
		for _, p := range h.Processes() {
			stat, _ := os.ReadFile("/proc/" + p.Pid + "/stat") // it may have ended
			if strings.Contains(p.Command, "ps --format") && strings.Contains(string(stat), ") S ") && hasSocket(p.Pid) {
				return nil // it waits for an answer
			}
		}
		return errors.New("nobody waits for the holder")
	})
	if err := syscall.Kill(holder, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	same(t, <-done, "a")
	h.Must("rm", "-f", "a")
}

func hasSocket(pid string) bool {
	fds, _ := filepath.Glob("/proc/" + pid + "/fd/*") // the pattern is right
	return slices.ContainsFunc(fds, func(fd string) bool {
		to, err := os.Readlink(fd)
		return err == nil && strings.HasPrefix(to, "socket:")
	})
}
