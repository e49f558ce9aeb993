//go:build linux

package e2e

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"vz.internal/tools/e2e/internal/vztest"
)

// project makes a directory with a vz.json that belongs to user 4321.
func project(t *testing.T, h *vztest.Home, file string) (dir string) {
	t.Helper()
	dir = filepath.Join(h.Dir, "project")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	writeProject(t, dir, file)
	if err := os.Chown(dir, 4321, 4321); err != nil {
		t.Fatal(err)
	}
	return dir
}

func writeProject(t *testing.T, dir, file string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "vz.json"), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
}

// dev runs vz dev in a directory.
func dev(h *vztest.Home, dir string, args ...string) vztest.Result {
	cmd := h.Command(append([]string{"dev"}, args...)...)
	cmd.Dir = dir
	return vztest.Finish(cmd)
}

// Shells of an environment are used as any shell, share it, and what they make
// belongs to the owner of the project.
func TestDevShell(t *testing.T) {
	h, term := open(t)
	dir := project(t, h, `{"image": "vz:builtin"}`)
	term.Line("cd " + dir + "; stty -g; vz dev shell -e A=b; echo code=$?")
	before := term.Expect(`([0-9a-f:]{30,})`)[1]
	term.Expect(`/workspace \$ `)
	term.Line("stty size; tty; echo A=$A $(id -u)")
	term.Expect(`24 80\r\n/dev/pts/\d+\r\nA=b 4321\r`)
	term.Line(`sh -c "echo st''arted; exec sleep 1000"`)
	term.Expect(`started\r\n`)
	term.Press("C-c")
	term.Line("echo was=$?")
	term.Expect(`was=130`)
	term.Resize(101, 33)
	term.Line("stty size")
	term.Expect(`33 101\r`)
	if r := dev(h, dir, "run", "sh", "-c", "echo second > file; ls -ln file"); r.Code != 0 || !strings.Contains(r.Stdout, " 4321 4321 ") {
		t.Errorf("a second program: %s", r)
	}
	term.Line("cat file; mkdir made; exit 9")
	term.Expect(`second\r`)
	term.Expect(`code=9\r`)
	term.Line("stty -g")
	if after := term.Expect(`([0-9a-f:]{30,})`)[1]; after != before {
		t.Errorf("the terminal was left with settings %s, they were %s", after, before)
	}
	for _, name := range []string{"file", "made"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if s := info.Sys().(*syscall.Stat_t); s.Uid != 4321 || s.Gid != 4321 {
			t.Errorf("%s belongs to %d:%d", name, s.Uid, s.Gid)
		}
	}
}

// No program of the image makes another user of the owner of the project.
func TestDevStaysOwner(t *testing.T) {
	h := vztest.New(t)
	dir := project(t, h, `{"image": "`+debian(t, "gzip")+`", "setup": ["cp $(command -v grep) /rooted; chmod 4755 /rooted"]}`)
	if r := dev(h, dir, "run", "sh", "-c", "grep -E '^(NoNewPrivs|CapEff|Uid)' /proc/self/status"); !strings.Contains(r.Stdout, "NoNewPrivs:\t1") ||
		!strings.Contains(r.Stdout, "CapEff:\t0000000000000000") || !strings.Contains(r.Stdout, "Uid:\t4321\t4321\t4321\t4321") {
		t.Errorf("the program has privileges: %s", r)
	}
	bash := h.Command("dev", "shell")
	bash.Dir, bash.Stdin = dir, strings.NewReader("echo version $BASH_VERSION\n")
	if r := vztest.Finish(bash); !strings.HasPrefix(r.Stdout, "version 5") {
		t.Errorf("the shell is not bash, which the image has: %s", r)
	}
	rooted := []string{"/rooted", "^Uid", "/proc/self/status"}
	if r := dev(h, dir, append([]string{"run"}, rooted...)...); r.Stdout != "Uid:\t4321\t4321\t4321\t4321\n" {
		t.Errorf("a program with the setuid bit: %s", r)
	}
	// The same program in a container without that rule.
	image := strings.TrimSpace(dev(h, dir, "status", "--format", "{{.RunsImage}}").Stdout)
	if out := h.Must(append([]string{"run", "--rm", "-u", "4321", image}, rooted...)...); !strings.Contains(out, "\t0\t") {
		t.Errorf("the setuid bit has no effect anywhere: %q", out)
	}
}

// A signal to vz is the program's, and so is the exit code that follows.
func TestDevSignal(t *testing.T) {
	h := vztest.New(t)
	cmd := h.Command("dev", "run", "sh", "-c", onTerm)
	cmd.Dir = project(t, h, `{"image": "`+busybox(t, "busybox")+`"}`)
	startWith(t, cmd, "ready")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 143 {
		t.Errorf("exit code %d after SIGTERM, want 143", code)
	}
}

// A setup that is killed with -9, or interrupted, leaves nothing that is used
// later, and a next run leaves nothing of it at all.
func TestDevSetupEnds(t *testing.T) {
	for name, sig := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "interrupted": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			h := vztest.New(t)
			dir := project(t, h, `{"image": "vz:builtin", "setup": ["echo begun; sleep 1000; echo done > /done"]}`)
			cmd := h.Command("dev", "run", "true")
			cmd.Dir = dir
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for lines := bufio.NewScanner(stderr); lines.Scan() && lines.Text() != "begun"; {
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); sig == syscall.SIGINT && code != 130 {
				t.Errorf("exit code %d, want 130", code)
			}
			if left := len(h.Containers()); sig == syscall.SIGINT && left != 0 {
				t.Errorf("%d containers are left", left)
			}
			writeProject(t, dir, `{"image": "vz:builtin", "setup": ["test ! -e /done", "echo done > /done"]}`)
			if r := dev(h, dir, "run", "cat", "/done"); r.Code != 0 || r.Stdout != "done\n" {
				t.Errorf("the next run: %s", r)
			}
			if left := len(h.Containers()); left != 1 {
				t.Errorf("%d containers, want the environment alone", left)
			}
			if locks, err := filepath.Glob(filepath.Join(h.Run(), "[ds]e*", "*.lock")); err != nil || len(locks) != 0 {
				t.Errorf("locks %q are left, %v", locks, err)
			}
		})
	}
}
