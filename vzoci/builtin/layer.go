package builtin

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
)

// The users that images have, one more to run programs as, and the group of
// sound devices for programs that ask for one.
const (
	passwd = "root:x:0:0:root:/root:/bin/sh\n" +
		"daemon:x:1:1:daemon:/:/bin/false\n" +
		"app:x:1000:1000:app:/home/app:/bin/sh\n" +
		"nobody:x:65534:65534:nobody:/:/bin/false\n"
	group = "root:x:0:\ndaemon:x:1:\naudio:x:29:app\napp:x:1000:\nnogroup:x:65534:\n"
	hosts = "127.0.0.1 localhost\n::1 localhost\n"
	about = "NAME=\"vz builtin\"\nID=vz\nPRETTY_NAME=\"vz built-in image\"\n"
)

// item is a file of the layer.
type item struct {
	name     string
	mode     int64
	owner    int // user and group
	contents string
}

var directories = []item{
	{name: "./", mode: 0o755},
	{name: "bin/", mode: 0o755},
	{name: "dev/", mode: 0o755},
	{name: "etc/", mode: 0o755},
	{name: "home/", mode: 0o755},
	{name: "home/app/", mode: 0o755, owner: 1000},
	{name: "proc/", mode: 0o555},
	{name: "root/", mode: 0o700},
	{name: "sys/", mode: 0o555},
	{name: "tmp/", mode: 0o1777},
	{name: "usr/", mode: 0o755},
	{name: "usr/bin/", mode: 0o755},
	{name: "var/", mode: 0o755},
	{name: "var/log/", mode: 0o755},
	{name: "var/tmp/", mode: 0o1777},
}

var texts = []item{
	{name: "etc/group", mode: 0o644, contents: group},
	{name: "etc/hosts", mode: 0o644, contents: hosts},
	{name: "etc/os-release", mode: 0o644, contents: about},
	{name: "etc/passwd", mode: 0o644, contents: passwd},
}

// Layer opens the layer, an uncompressed archive.
func (m *Image) Layer() (io.ReadCloser, error) {
	if _, err := os.Stat(m.box); err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(m.write(w)) }() // never fails
	return r, nil
}

func (m *Image) write(out io.Writer) error {
	w := tar.NewWriter(out)
	for _, d := range directories {
		if err := add(w, tar.TypeDir, d, "", 0); err != nil {
			return err
		}
	}
	for _, t := range texts {
		if err := add(w, tar.TypeReg, t, "", int64(len(t.contents))); err != nil {
			return err
		}
		if _, err := io.WriteString(w, t.contents); err != nil {
			return err
		}
	}
	if err := m.writeBox(w); err != nil {
		return err
	}
	for _, p := range Programs() {
		if err := add(w, tar.TypeSymlink, item{name: "bin/" + p, mode: 0o777}, "vz-box", 0); err != nil {
			return err
		}
	}
	return w.Close()
}

func (m *Image) writeBox(w *tar.Writer) error {
	f, err := os.Open(m.box)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := add(w, tar.TypeReg, item{name: "bin/vz-box", mode: 0o755}, "", m.size); err != nil {
		return err
	}
	_, err = io.CopyN(w, f, m.size)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("read %s, of %d bytes a moment ago: %w", m.box, m.size, err)
	}
	return nil
}

func add(w *tar.Writer, kind byte, i item, target string, size int64) error {
	return w.WriteHeader(&tar.Header{
		Typeflag: kind, Name: i.name, Linkname: target, Mode: i.mode, Uid: i.owner, Gid: i.owner,
		Size: size, ModTime: made, Format: tar.FormatUSTAR,
	})
}
