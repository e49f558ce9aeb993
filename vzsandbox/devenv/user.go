package devenv

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"vz.internal/vzcontract"
)

// maxUserFile bounds what is read of an image's passwd and group.
const maxUserFile = 1 << 20

// addUser gives the project's owner a name and a home in a container that has not
// run yet, where its image knows nobody with that id. Root is known everywhere.
// What is mounted from the host is left alone, and so are user databases that are
// no plain files.
func (m *Manager) addUser(ctx context.Context, container string, p Project) error {
	if p.UID == 0 || p.covers("/etc/passwd") || p.covers("/etc/group") {
		return nil
	}
	files, ok := m.Backend.(vzcontract.Copier)
	if why, missing := m.Backend.Capabilities().Missing[vzcontract.FeatureCopy]; !ok || missing {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "home of user %d: backend %s copies no files: %s", p.UID, m.Backend.BackendName(), why)
	}
	passwd, plain, err := read(ctx, files, container, "/etc/passwd")
	if err != nil || !plain || has(passwd, 2, strconv.FormatUint(uint64(p.UID), 10)) {
		return err
	}
	group, plain, err := read(ctx, files, container, "/etc/group")
	if err != nil || !plain {
		return err
	}
	a := newArchive()
	for _, dir := range []string{"/etc", "/home"} {
		if p.covers(dir) {
			continue
		}
		if _, err := files.StatPath(ctx, container, dir); errors.Is(err, vzcontract.ErrNotFound) {
			a.directory(dir, 0, 0)
		} else if err != nil {
			return err
		}
	}
	user := freeName(passwd)
	if home := "/home/" + user; !p.covers(home) {
		a.directory(home, p.UID, p.GID)
	}
	a.file("/etc/passwd", fmt.Sprintf("%s%s:x:%d:%d::/home/%[2]s:/bin/sh\n", lines(passwd), user, p.UID, p.GID))
	if !has(group, 2, strconv.FormatUint(uint64(p.GID), 10)) {
		a.file("/etc/group", fmt.Sprintf("%s%s:x:%d:\n", lines(group), freeName(group), p.GID))
	}
	return files.CopyIn(ctx, container, "/", a.reader(), vzcontract.CopyInOptions{KeepOwner: true})
}

// covers reports whether a mount of the project hides the image's file at place.
func (p Project) covers(place string) bool {
	for _, m := range p.File.Mounts {
		if place == m.Target || strings.HasPrefix(place, m.Target+"/") {
			return true
		}
	}
	return false
}

// read returns a file of the container and whether it is a plain one; one that is
// not there is empty.
func read(ctx context.Context, files vzcontract.Copier, container, name string) (text string, plain bool, err error) {
	r, _, err := files.CopyOut(ctx, container, name)
	if errors.Is(err, vzcontract.ErrNotFound) {
		return "", true, nil
	}
	if err != nil {
		return "", false, err
	}
	defer r.Close()
	t := tar.NewReader(r)
	h, err := t.Next()
	if err != nil {
		return "", false, fmt.Errorf("read %s of the image: %w", name, err)
	}
	if h.Typeflag != tar.TypeReg {
		return "", false, nil
	}
	if h.Size > maxUserFile {
		return "", false, vzcontract.Errorf(vzcontract.ErrValidation, "%s of the image is larger than %d bytes", name, maxUserFile)
	}
	b, err := io.ReadAll(t)
	return string(b), true, err
}

// An archive is a tar archive in memory, whose writes cannot fail before the end.
type archive struct {
	buf bytes.Buffer
	tar *tar.Writer
}

func newArchive() *archive {
	a := new(archive)
	a.tar = tar.NewWriter(&a.buf)
	return a
}

func (a *archive) directory(name string, uid, gid uint32) {
	_ = a.tar.WriteHeader(&tar.Header{Name: name[1:] + "/", Typeflag: tar.TypeDir, Mode: 0o755, Uid: int(uid), Gid: int(gid)})
}

func (a *archive) file(name, text string) {
	_ = a.tar.WriteHeader(&tar.Header{Name: name[1:], Mode: 0o644, Size: int64(len(text))})
	_, _ = io.WriteString(a.tar, text)
}

// reader returns the whole; without its end, after a write that failed, it is no
// archive.
func (a *archive) reader() io.Reader {
	_ = a.tar.Close()
	return &a.buf
}

// has reports whether a line of a user database has the value in a column.
func has(text string, column int, value string) bool {
	for line := range strings.Lines(text) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); len(fields) > column && fields[column] == value {
			return true
		}
	}
	return false
}

// freeName is dev, or dev with a number where somebody is called dev.
func freeName(text string) string {
	name := "dev"
	for i := 2; has(text, 0, name); i++ {
		name = "dev" + strconv.Itoa(i)
	}
	return name
}

// lines makes sure that another line can follow.
func lines(text string) string {
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text
}
