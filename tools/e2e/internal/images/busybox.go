package images

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// BusyboxImages are the tags of the layout that [Busybox] writes.
func BusyboxImages() []string {
	names := []string{"implied", "multi", "other-arch"}
	for name := range settings {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// show is the entrypoint of the image "settings": it tells all that it was given.
const show = `#!/bin/sh
for arg; do echo "arg=$arg"; done
echo "cwd=$PWD"
id
env | sort
`

// Busybox writes an OCI layout into dir with the images [BusyboxImages], made
// from the static busybox at program. "multi" is an index with an image for
// this machine and one for another, "other-arch" one with only the latter.
// "implied" has a second layer that tells nothing of the directories it adds to.
func Busybox(dir, program string) (err error) {
	work, err := os.MkdirTemp("", "e2e")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := busyboxRoot(work, program); err != nil {
		return err
	}
	files, err := walk(work)
	if err != nil {
		return err
	}
	l, err := newLayout(dir)
	if err != nil {
		return err
	}
	root, err := l.layer(files, "gzip")
	if err != nil {
		return err
	}
	for _, name := range BusyboxImages() {
		config, ok := settings[name]
		if !ok {
			continue
		}
		d, err := l.image(runtime.GOARCH, config, root)
		if err != nil {
			return err
		}
		l.tag(d, name)
	}
	return errors.Join(implied(l, root), multiPlatform(l, root), l.finish())
}

func implied(l *layout, root layer) (err error) {
	work, err := os.MkdirTemp("", "e2e")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	for _, name := range []string{"tmp/added", "data/added", "data/new/added"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(work, name)), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(work, name), nil, 0o644); err != nil {
			return err
		}
	}
	files, err := walk(work)
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(f file) bool { return f.info.IsDir() })
	added, err := l.layer(files, "gzip")
	if err != nil {
		return err
	}
	d, err := l.image(runtime.GOARCH, settings["busybox"], root, added)
	l.tag(d, "implied")
	return err
}

func multiPlatform(l *layout, root layer) error {
	foreign := "arm64"
	if runtime.GOARCH == foreign {
		foreign = "amd64"
	}
	ours, err := l.image(runtime.GOARCH, Config{Env: []string{pathEnv, "IMAGE_ARCH=" + runtime.GOARCH}, Cmd: []string{"sh"}}, root)
	if err != nil {
		return err
	}
	other, err := l.image(foreign, Config{Env: []string{pathEnv, "IMAGE_ARCH=" + foreign}, Cmd: []string{"sh"}}, root)
	if err != nil {
		return err
	}
	both, err := l.multi(other, ours)
	if err != nil {
		return err
	}
	l.tag(both, "multi")
	lone, err := l.multi(other)
	l.tag(lone, "other-arch")
	return err
}

// busyboxRoot makes the root file system: busybox under all of its names, a
// few users, and files that cannot be executed.
func busyboxRoot(root, program string) error {
	for _, dir := range []string{"bin", "etc", "tmp", "proc", "sys", "dev", "home/app", "data", "root"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	for name, f := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"bin/show":       {show, 0o755},
		"bin/no-shebang": {"no program\n", 0o755},
		"bin/no-mode":    {"#!/bin/sh\n", 0o644},
		"bin/no-interp":  {"#!/no/such/interpreter\n", 0o755},
		"data/of-image":  {"from the image\n", 0o640},
		"etc/passwd": {"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n" +
			"app:x:1000:1000:app:/home/app:/bin/sh\n", 0o644},
		"etc/group": {"root:x:0:\nnogroup:x:65534:\napp:x:1000:\ntools:x:2000:\nextra:x:3000:app\n", 0o644},
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(f.text), f.mode); err != nil {
			return err
		}
	}
	if err := copyProgram(filepath.Join(root, "bin", "busybox"), program); err != nil {
		return err
	}
	list, err := exec.Command(program, "--list").Output()
	if err != nil {
		return fmt.Errorf("list the applets of %s: %w", program, err)
	}
	for _, applet := range strings.Fields(string(list)) {
		if err := os.Symlink("busybox", filepath.Join(root, "bin", applet)); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return errors.Join(os.Chmod(filepath.Join(root, "tmp"), 0o1777|os.ModeSticky), os.Chown(filepath.Join(root, "data"), 1000, 2000),
		os.Chown(filepath.Join(root, "home/app"), 1000, 1000))
}

func copyProgram(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
