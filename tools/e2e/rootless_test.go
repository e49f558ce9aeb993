//go:build linux

package e2e

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vz.internal/tools/e2e/internal/need"
	"vz.internal/tools/e2e/internal/vztest"
)

// somebody has ids of their own, lonely only one.
var (
	somebody = vztest.User{UID: 61234, Subids: 3000000}
	lonely   = vztest.User{UID: 61235}
)

// ordinary is a home of somebody who is not root.
func ordinary(t *testing.T, u vztest.User) *vztest.Home {
	t.Helper()
	return vztest.NewAs(t, u, copies(t, "vz-box", "vz-stack", "vz-sandbox"))
}

// same fails the test unless the command printed want.
func same(t *testing.T, r vztest.Result, want string) {
	t.Helper()
	if r.Code != 0 || strings.TrimSpace(r.Stdout) != want || r.Stderr != "" {
		t.Errorf("%s\nwant %q", r, want)
	}
}

// What everybody does with containers, an ordinary user does too.
func TestRootless(t *testing.T) {
	h := ordinary(t, somebody)
	same(t, h.Do("run", "--rm", "--network", "none", "vz:builtin", "echo", "hi"), "hi")
	same(t, h.Do("run", "--rm", "--network", "host", "vz:builtin", "id", "-u"), "0")
	for code, argv := range map[int][]string{7: {"sh", "-c", "exit 7"}, 127: {"no-such-program"}, 126: {"/etc"}} {
		if r := h.Do(append([]string{"run", "--rm", "--init", "--network", "none", "vz:builtin"}, argv...)...); r.Code != code {
			t.Errorf("%s\nwant exit code %d", r, code)
		}
	}
	h.Must("run", "-d", "--name", "a", "--network", "none", "vz:builtin", "sh", "-c", "echo said; exec sleep 1000")
	same(t, h.Do("ps", "--format", "{{.Names}}"), "a")
	same(t, h.Do("exec", "a", "sh", "-c", "echo x > /tmp/x; id -u"), "0")
	same(t, h.Do("exec", "-u", "1000:1000", "a", "id", "-u"), "1000")
	same(t, h.Do("exec", "-t", "a", "tty"), "/dev/pts/0")
	same(t, h.Do("logs", "a"), "said")
	if r := h.Do("top", "a"); r.Code != 0 || !strings.Contains(r.Stdout, "sleep 1000") {
		t.Errorf("%s\nwant the sleep", r)
	}
	mine := filepath.Join(h.Dir, "user", "x")
	h.Must("cp", "a:/tmp/x", mine)
	owned(t, mine, somebody.UID)
	h.Must("cp", mine, "a:/tmp/y")
	same(t, h.Do("exec", "a", "cat", "/tmp/y"), "x")
	same(t, h.Do("diff", "a"), "C /tmp\nA /tmp/x\nA /tmp/y")
	h.Must("commit", "--pause=false", "a", "mine")
	same(t, h.Do("run", "--rm", "--network", "none", "mine", "cat", "/tmp/y"), "x")
	h.Must("stop", "-t", "0", "a")
	h.Must("start", "a")
	h.Must("restart", "-t", "0", "a")
	same(t, h.Do("inspect", "--format", "{{.State.Status}}", "a"), "running")
	h.Must("rm", "-f", "a")
	same(t, h.Do("ps", "-aq"), "")
}

func owned(t *testing.T, path string, uid int) {
	t.Helper()
	st, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := int(st.Sys().(*syscall.Stat_t).Uid); got != uid {
		t.Errorf("%s belongs to %d, want %d", path, got, uid)
	}
}

// owners is an archive of files that belong to several users.
func owners(t *testing.T, ids ...int) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, id := range ids {
		if err := w.WriteHeader(&tar.Header{Name: "f" + strconv.Itoa(id), Mode: 0o600, Uid: id, Gid: id}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Files of images and volumes belong to ids of the user's, those of binds to the user;
// vz can remove them all.
func TestRootlessOwners(t *testing.T) {
	h := ordinary(t, somebody)
	if r := h.DoWith(owners(t, 0, 33, 65535), "import", "-", "owners"); r.Code != 0 {
		t.Fatal(r)
	}
	bind := filepath.Join(h.Dir, "user", "bind")
	if err := os.Mkdir(bind, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(bind, somebody.UID, somebody.UID); err != nil {
		t.Fatal(err)
	}
	same(t, h.Do("run", "--rm", "--network", "none", "-v", "kept:/v", "-v", bind+":/b", "--mount", "type=image,source=owners,target=/i", "vz:builtin",
		"sh", "-c", "cd /i; stat -c '%u:%g %a' f*; cd /v; touch a; chown 33:34 a; touch /b/mine /b/other; chown 5:5 /b/other"),
		"0:0 600\n33:33 600\n65535:65535 600")
	volume := filepath.Join(h.Home(), "volumes", "kept", "_data", "a")
	owned(t, volume, somebody.Subids+32)
	owned(t, filepath.Join(bind, "mine"), somebody.UID)
	owned(t, filepath.Join(bind, "other"), somebody.Subids+4)
	h.Must("volume", "rm", "kept")
	h.Must("rmi", "owners")
	if _, err := os.Lstat(volume); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the volume's file: %v", err)
	}
	oneLine(t, h.Do("run", "--rm", "--network", "none", "-u", "70000", "vz:builtin", "true"), 125, "70000", "/etc/subuid")
}

// An overlay in a user namespace hides what an upper layer has removed or replaced.
func TestRootlessWhiteouts(t *testing.T) {
	h := ordinary(t, somebody)
	h.Must("run", "-d", "--name", "a", "--network", "none", "vz:builtin", "sh", "-c", "mkdir -p /d/old && touch /d/old/f /gone")
	h.Must("wait", "a")
	h.Must("commit", "a", "one")
	h.Must("run", "--name", "b", "--network", "none", "one", "sh", "-c", "rm -r /gone /d/old; mkdir /d/old; touch /d/old/new")
	h.Must("commit", "b", "two")
	const look = "ls /gone 2>/dev/null; ls /d/old"
	same(t, h.Do("run", "--rm", "--network", "none", "two", "sh", "-c", look), "new")
	saved := filepath.Join(h.Dir, "user", "two.tar")
	h.Must("save", "-o", saved, "two")
	h.Must("rm", "a", "b")
	h.Must("rmi", "two", "one")
	h.Must("load", "-i", saved)
	same(t, h.Do("run", "--rm", "--network", "none", "two", "sh", "-c", look), "new")
}

// What needs rights that the user does not have is refused with the reason; nothing is
// left out silently.
func TestRootlessRefused(t *testing.T) {
	h := ordinary(t, somebody)
	cgroups := []string{"cgroup", "ordinary users"}
	for _, tt := range []struct {
		flags []string
		words []string
	}{
		{[]string{"--memory", "64m"}, cgroups},
		{[]string{"--cpus", "1"}, cgroups},
		{[]string{"--pids-limit", "100"}, cgroups},
		{[]string{"--cgroup-parent", "/x"}, cgroups},
		{[]string{"--pid", "host"}, cgroups},
		{[]string{"--oom-score-adj", "-500"}, []string{"CAP_SYS_RESOURCE"}},
		{[]string{"--device-cgroup-rule", "c 1:3 rwm"}, []string{"--device"}},
	} {
		if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil && tt.words[0] == "cgroup" {
			continue // of version 2, which may have been given to the user
		}
		oneLine(t, h.Do(append(append([]string{"run", "--rm", "--network", "none"}, tt.flags...), "vz:builtin", "true")...), 125, tt.words...)
	}
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err != nil {
		h.Must("run", "-d", "--name", "a", "--network", "none", "vz:builtin", "sleep", "1000")
		for _, argv := range [][]string{{"pause", "a"}, {"stats", "--no-stream", "a"}, {"update", "--memory", "64m", "a"}, {"commit", "a", "b"}} {
			oneLine(t, h.Do(argv...), 1, cgroups...)
		}
	}
	r := h.Do("run", "--rm", "--network", "none", "--ulimit", "nofile=100:99999999999", "vz:builtin", "true")
	if r.Code != 0 { // lowered to the hard limit, as for root without CAP_SYS_RESOURCE
		t.Error(r)
	}
}

// With one id there is root in containers, and nobody else: all files of images are root's.
func TestRootlessOneID(t *testing.T) {
	h := ordinary(t, lonely)
	same(t, h.Do("run", "--rm", "--network", "none", "vz:builtin", "sh", "-c", "id -u; cat /proc/self/uid_map | tr -s ' '"), fmt.Sprintf("0\n 0 %d 1", lonely.UID))
	oneLine(t, h.Do("run", "--rm", "--network", "none", "-u", "1", "vz:builtin", "true"), 125, "user id 1", "/etc/subuid")
	if r := h.DoWith(owners(t, 0, 33), "import", "-", "owners"); r.Code != 0 {
		t.Fatal(r)
	}
	same(t, h.Do("run", "--rm", "--network", "none", "--mount", "type=image,source=owners,target=/i", "vz:builtin",
		"sh", "-c", "cd /i; stat -c '%u:%g %a' f*"), "0:0 600\n0:0 600")
	if r := h.Do("doctor"); !strings.Contains(r.Stdout, "one id") {
		t.Errorf("%s\nwant what having one id means", r)
	}
}

// A stack is an ordinary user's too, and so is a sandbox.
func TestRootlessStack(t *testing.T) {
	h := ordinary(t, somebody)
	file := filepath.Join(h.Dir, "user", "compose.yaml")
	const text = "services:\n  one:\n    image: vz:builtin\n    command: [sleep, '1000']\n    network_mode: none\n    volumes: ['data:/data']\nvolumes: {data: {}}\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	h.Must("stack", "-f", file, "-p", "st", "up", "-d")
	same(t, h.Do("stack", "-f", file, "-p", "st", "exec", "-T", "one", "sh", "-c", "echo x > /data/x; id -u"), "0")
	owned(t, filepath.Join(h.Home(), "volumes", "st_data", "_data", "x"), somebody.UID)
	h.Must("stack", "-f", file, "-p", "st", "down", "-v", "-t", "0")
	h.Must("sandbox", "create", "--name", "box", "vz:builtin")
	same(t, h.Do("sandbox", "exec", "box", "id", "-u"), "0")
	h.Must("sandbox", "rm", "box")
}

// A container on a network gets out by the user's uplink, and its ports are published on
// the host.
func TestRootlessNetwork(t *testing.T) {
	need.Programs(t, "pasta", "curl")
	h := ordinary(t, somebody)
	h.Must("network", "create", "net")
	h.Must("run", "-d", "--name", "web", "--network", "net", "-p", "127.0.0.1::80", "vz:builtin", "sh", "-c", "mkdir /w; echo page > /w/index.html; exec httpd -f -p 80 -h /w")
	at := strings.TrimSpace(h.Must("port", "web", "80"))
	var out []byte
	for range 100 { // until the server listens, which nothing tells
		if out, _ = exec.Command("curl", "-s", "http://"+at).Output(); len(out) > 0 {
			break
		}
		<-time.After(20 * time.Millisecond)
	}
	if string(out) != "page\n" {
		t.Errorf("http://%s gives %q, want the page", at, out)
	}
	same(t, h.Do("run", "--rm", "--network", "net", "vz:builtin", "wget", "-qO-", "http://web/"), "page")
	h.Must("rm", "-f", "web")
	h.Must("network", "rm", "net")
}

// holders are the processes that keep the home's session.
func holders(h *vztest.Home) (pids []string) {
	for _, p := range h.Processes() {
		if strings.Contains(p.Command, "internal session-") {
			pids = append(pids, p.Pid)
		}
	}
	return pids
}

func killAll(t *testing.T, pids []string) {
	t.Helper()
	if len(pids) == 0 {
		t.Fatal("nothing to kill")
	}
	for _, text := range pids {
		pid, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
}

// Any number of shells have one session.
func TestRootlessTogether(t *testing.T) {
	h := ordinary(t, somebody)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() { same(t, h.Do("run", "--rm", "--network", "none", "vz:builtin", "echo", "hi"), "hi") })
	}
	wg.Wait()
	h.Must("run", "-d", "--name", "a", "--network", "none", "vz:builtin", "sleep", "1000")
	if got := holders(h); len(got) != 1 {
		t.Errorf("%d holders of the session: %v", len(got), got)
	}
}

// A killed holder ends nothing, and others can still use what runs.
func TestRootlessHolderKilled(t *testing.T) {
	h := ordinary(t, somebody)
	h.Must("run", "-d", "--name", "a", "--network", "none", "vz:builtin", "sleep", "1000")
	before := h.Must("exec", "a", "readlink", "/proc/self/ns/user")
	killAll(t, holders(h))
	same(t, h.Do("exec", "a", "readlink", "/proc/self/ns/user"), strings.TrimSpace(before))
	same(t, h.Do("run", "--rm", "--network", "none", "vz:builtin", "readlink", "/proc/self/ns/user"), strings.TrimSpace(before))
	if got := holders(h); len(got) != 1 {
		t.Errorf("%d holders of the session: %v", len(got), got)
	}
	h.Must("stop", "-t", "0", "a")
	h.Must("rm", "a")
}

// Without holder and monitor a container is an orphan that can be seen and ended, with
// no user namespace but its own left to find it by.
func TestRootlessAllKilled(t *testing.T) {
	h := ordinary(t, somebody)
	h.Must("run", "-d", "--name", "a", "--network", "none", "-u", "1000", "vz:builtin", "sleep", "1000")
	h.Must("run", "-d", "--name", "b", "--network", "none", "vz:builtin", "sleep", "1000")
	killAll(t, append(holders(h), monitors(h)...))
	if r := h.Do("ps", "--format", "{{.Names}} {{.Status}}"); r.Code != 0 || strings.Count(r.Stdout, "(orphaned)") != 2 {
		t.Errorf("%s\nwant two orphans", r)
	}
	same(t, h.Do("stop", "-t", "0", "b"), "b")
	h.Must("start", "b")
	h.Must("rm", "-f", "a", "b")
	same(t, h.Do("ps", "-aq"), "")
}

// A directory that others may enter, or that is somebody else's, is no place for a
// session, whatever listens there.
func TestRootlessStrangers(t *testing.T) {
	h := ordinary(t, somebody)
	session := filepath.Join(h.Run(), "session")
	if err := os.MkdirAll(session, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(h.Run(), somebody.UID, somebody.UID); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		uid  int
		mode os.FileMode
	}{{0, 0o700}, {0, 0o777}, {lonely.UID, 0o777}, {somebody.UID, 0o777}, {somebody.UID, 0o750}} {
		if err := os.Chmod(h.Run(), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(session, tt.uid, tt.uid); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(session, tt.mode); err != nil {
			t.Fatal(err)
		}
		oneLine(t, h.Do("run", "--rm", "--network", "none", "vz:builtin", "true"), 125, session)
	}
	if err := os.RemoveAll(h.Run()); err != nil {
		t.Fatal(err)
	}
}

// A vz that somebody has installed setuid runs nothing.
func TestSetuid(t *testing.T) {
	bin := copies(t)
	h := vztest.NewAs(t, somebody, bin)
	vz := filepath.Join(bin, "vz")
	if err := os.Chmod(vz, 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	for _, argv := range [][]string{{"ps"}, {"version"}, {"vm", "list"}, {"internal", "monitor"}, {"oci", "state", "x"}} {
		oneLine(t, h.Do(argv...), 1, "setuid", "chmod")
	}
	if err := os.Chmod(vz, 0o755); err != nil {
		t.Fatal(err)
	}
}
