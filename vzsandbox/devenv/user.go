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
func (m *Manager) addUser(ctx context.Context, container string, p Project) error {
	if p.UID == 0 {
		return nil
	}
	files, ok := m.Backend.(vzcontract.Copier)
	if why, missing := m.Backend.Capabilities().Missing[vzcontract.FeatureCopy]; !ok || missing {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "home of user %d: backend %s copies no files: %s", p.UID, m.Backend.BackendName(), why)
	}
	passwd, err := read(ctx, files, container, "/etc/passwd")
	if err != nil {
		return err
	}
	group, err := read(ctx, files, container, "/etc/group")
	if err != nil {
		return err
	}
	uid, gid := strconv.FormatUint(uint64(p.UID), 10), strconv.FormatUint(uint64(p.GID), 10)
	if has(passwd, 2, uid) {
		return nil
	}
	user := freeName(passwd)
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	add := func(h tar.Header, text string) {
		h.Size = int64(len(text))
		_ = w.WriteHeader(&h) // a buffer takes everything
		_, _ = io.WriteString(w, text)
	}
	for _, dir := range []string{"/etc", "/home"} {
		if _, err := files.StatPath(ctx, container, dir); errors.Is(err, vzcontract.ErrNotFound) {
			add(tar.Header{Name: dir[1:] + "/", Typeflag: tar.TypeDir, Mode: 0o755}, "")
		}
	}
	home := "home/" + user
	add(tar.Header{Name: home + "/", Typeflag: tar.TypeDir, Mode: 0o755, Uid: int(p.UID), Gid: int(p.GID)}, "")
	add(tar.Header{Name: "etc/passwd", Mode: 0o644}, lines(passwd)+fmt.Sprintf("%s:x:%s:%s::/%s:/bin/sh\n", user, uid, gid, home))
	if !has(group, 2, gid) {
		add(tar.Header{Name: "etc/group", Mode: 0o644}, lines(group)+fmt.Sprintf("%s:x:%s:\n", freeName(group), gid))
	}
	if err := w.Close(); err != nil {
		return err
	}
	return files.CopyIn(ctx, container, "/", &archive, vzcontract.CopyInOptions{KeepOwner: true})
}

// read returns a file of the container; one that is not there, or that is no
// file, is empty.
func read(ctx context.Context, files vzcontract.Copier, container, name string) (string, error) {
	r, _, err := files.CopyOut(ctx, container, name)
	if errors.Is(err, vzcontract.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer r.Close()
	t := tar.NewReader(r)
	h, err := t.Next()
	if err != nil {
		return "", fmt.Errorf("read %s of the image: %w", name, err)
	}
	if h.Size > maxUserFile {
		return "", vzcontract.Errorf(vzcontract.ErrValidation, "%s of the image is larger than %d bytes", name, maxUserFile)
	}
	text, err := io.ReadAll(t)
	return string(text), err
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
