package conformance

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Passwd and Group are the user database that the checks expect.
const (
	Passwd = "root:x:0:0:root:/root:/bin/sh\n" +
		"daemon:x:1:1:daemon:/:/bin/false\n" +
		"app:x:1000:1000:app:/home/app:/bin/sh\n" +
		"nobody:x:65534:65534:nobody:/:/bin/false\n"
	Group = "root:x:0:\ndaemon:x:1:\naudio:x:29:app\napp:x:1000:\nnogroup:x:65534:\n"
)

// Applets are the programs that the checks use.
const Applets = "[ cat chmod chown echo env false head hostname id kill ln ls mkdir nc printf pwd readlink rm seq sh sleep stty test touch true tty wc yes"

// BusyboxRoot makes a root directory from the static busybox at the path
// busybox, for all checks of a test.
func BusyboxRoot(t *testing.T, busybox string) string {
	t.Helper()
	dir := t.TempDir()
	if err := busyboxRoot(dir, busybox); err != nil {
		t.Fatalf("make busybox root: %v", err)
	}
	return dir
}

func busyboxRoot(dir, busybox string) error {
	for _, d := range []string{"bin", "dev", "etc", "home/app", "proc", "root", "sys", "tmp", "usr/bin", "var/log"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // a container's root
		return err
	}
	if err := os.Chmod(filepath.Join(dir, "tmp"), 0o777|os.ModeSticky); err != nil {
		return err
	}
	if err := os.Lchown(filepath.Join(dir, "home/app"), 1000, 1000); err != nil {
		return fmt.Errorf("own home/app: %w", err)
	}
	if err := copyProgram(busybox, filepath.Join(dir, "bin/busybox")); err != nil {
		return err
	}
	for name := range strings.FieldsSeq(Applets) {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", name)); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{"etc/passwd": Passwd, "etc/group": Group} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil { //nolint:gosec // world-readable in a container
			return err
		}
	}
	return nil
}

func copyProgram(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()                                     // only read from
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755) //nolint:gosec // a program
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close() // the copy's error says more
		return err
	}
	return out.Close()
}
