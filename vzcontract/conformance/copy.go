package conformance

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"vz.internal/vzcontract"
)

var copyChecks = []check{
	{name: "copy-in", feature: vzcontract.FeatureCopy, run: copyIn},
	{name: "copy-in-owner", feature: vzcontract.FeatureCopy, run: copyInOwner},
	{name: "copy-in-missing-dir", feature: vzcontract.FeatureCopy, run: copyInMissing},
	{name: "copy-in-hostile", feature: vzcontract.FeatureCopy, run: copyInHostile},
	{name: "copy-in-damaged", feature: vzcontract.FeatureCopy, run: copyInDamaged},
	{name: "copy-out", feature: vzcontract.FeatureCopy, run: copyOut},
	{name: "copy-out-links", feature: vzcontract.FeatureCopy, run: copyOutLinks},
	{name: "copy-stat", feature: vzcontract.FeatureCopy, run: copyStat},
}

// archive packs entries; a header without a type is a file with the text.
type entry struct {
	tar.Header
	text string
}

func archive(entries ...entry) *bytes.Reader {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, en := range entries {
		h := en.Header
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		h.Size = int64(len(en.text))
		if err := w.WriteHeader(&h); err != nil {
			panic("conformance: archive: " + err.Error())
		}
		if _, err := io.WriteString(w, en.text); err != nil {
			panic("conformance: archive: " + err.Error())
		}
	}
	if err := w.Close(); err != nil {
		panic("conformance: archive: " + err.Error())
	}
	return bytes.NewReader(buf.Bytes())
}

func file(name, text string) entry { return entry{tar.Header{Name: name, Mode: 0o640}, text} }

func link(name, to string) entry {
	return entry{Header: tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to}}
}

func (e *env) copier() vzcontract.Copier { return e.b.(vzcontract.Copier) }

// copyIn copies into created, running and stopped containers.
func copyIn(e *env) {
	tree := func() io.Reader {
		return archive(entry{Header: tar.Header{Name: "d/", Typeflag: tar.TypeDir}}, file("d/one", "1\n"), file("two", "2\n"), link("d/l", "one"))
	}
	show := "cat /tmp/d/one /tmp/two /tmp/d/l"
	created := e.create(e.config("sh", "-c", show))
	if err := e.copier().CopyIn(e.ctx, created.ID, "/tmp", tree(), vzcontract.CopyInOptions{}); err != nil {
		e.Fatalf("copy into a created container: %v", err)
	}
	if _, err := e.b.Start(e.ctx, created.ID, vzcontract.StartOptions{}); err != nil {
		e.Fatal(err)
	}
	e.wait(created.ID)
	if got := e.logs(created.ID, vzcontract.LogOptions{Tail: -1}); got != "1\n2\n1\n" {
		e.Errorf("the container reads %q", got)
	}
	running := e.running()
	if err := e.copier().CopyIn(e.ctx, running.ID, "/tmp", tree(), vzcontract.CopyInOptions{}); err != nil {
		e.Fatalf("copy into a running container: %v", err)
	}
	if r := e.exec(running.ID, sh(show+"; test -x /tmp/two || echo plain")); r.stdout != "1\n2\n1\nplain\n" {
		e.Errorf("the running container reads %q (stderr %q)", r.stdout, r.stderr)
	}
}

func copyInOwner(e *env) {
	info := e.running()
	f, d := file("f", "x"), entry{Header: tar.Header{Name: "d/", Mode: 0o755, Typeflag: tar.TypeDir}}
	f.Uid, f.Gid = 1000, 29
	d.Uid, d.Gid = 1000, 29
	for keep, want := range map[bool]string{true: "1000:29 1000:29", false: "0:0 0:0"} {
		if r := e.exec(info.ID, sh("rm -rf /tmp/d")); r.stderr != "" {
			e.Fatal(r.stderr)
		}
		if err := e.copier().CopyIn(e.ctx, info.ID, "/tmp", archive(f, d), vzcontract.CopyInOptions{KeepOwner: keep}); err != nil {
			e.Fatal(err)
		}
		r := e.exec(info.ID, sh("set -- $(ls -ln /tmp/f); a=$3:$4; set -- $(ls -ldn /tmp/d); echo $a $3:$4"))
		if r.stdout != want+"\n" {
			e.Errorf("owner with KeepOwner %v = %q, want %s", keep, r.stdout, want)
		}
	}
}

func copyInMissing(e *env) {
	info := e.create(e.config("true"))
	err := e.copier().CopyIn(e.ctx, info.ID, "/no/such", archive(file("f", "x")), vzcontract.CopyInOptions{})
	e.wantClass("copy into a missing directory", err, vzcontract.ErrNotFound)
	err = e.copier().CopyIn(e.ctx, info.ID, "/etc/passwd", archive(file("f", "x")), vzcontract.CopyInOptions{})
	e.wantClass("copy into a file", err, vzcontract.ErrValidation)
}

// copyInHostile tries to leave the container by names and by links, those of
// the archive and those that a workload made.
func copyInHostile(e *env) {
	outside := e.TempDir()
	victim := filepath.Join(outside, "victim")
	if err := os.WriteFile(victim, []byte("untouched"), 0o600); err != nil {
		e.Fatal(err)
	}
	up := strings.Repeat("../", 30)
	info := e.start(e.config("sh", "-c", "ln -s "+outside+" /tmp/abs; ln -s "+up+outside[1:]+" /tmp/rel; ln -s "+victim+" /tmp/victim; echo ready; while :; do sleep 0.05; done"))
	e.awaitLine(info.ID, "ready")
	archives := map[string]*bytes.Reader{
		"dot-dot name":          archive(file(up+outside[1:]+"/victim", "hacked")),
		"absolute name":         archive(file(victim, "hacked")),
		"through own link":      archive(link("l", outside), file("l/victim", "hacked")),
		"through absolute link": archive(file("abs/victim", "hacked")),
		"through relative link": archive(file("rel/victim", "hacked")),
		"over a link":           archive(file("victim", "hacked")),
		"hard link":             archive(entry{Header: tar.Header{Name: "h", Typeflag: tar.TypeLink, Linkname: up + victim[1:]}}, file("h", "hacked")),
	}
	for name, a := range archives {
		// An error is fine, and so is a file inside the container.
		_ = e.copier().CopyIn(e.ctx, info.ID, "/tmp", a, vzcontract.CopyInOptions{})
		if got, err := os.ReadFile(victim); err != nil || string(got) != "untouched" {
			e.Fatalf("%s: the host's file is now %q, %v", name, got, err)
		}
	}
	for _, dir := range []string{"/tmp/abs", "/tmp/rel"} {
		_ = e.copier().CopyIn(e.ctx, info.ID, dir, archive(file("victim", "hacked")), vzcontract.CopyInOptions{})
	}
	entries, err := os.ReadDir(outside)
	if err != nil || len(entries) != 1 {
		e.Errorf("the host's directory has %v, %v, want only the victim", entries, err)
	}
	if got, err := os.ReadFile(victim); err != nil || string(got) != "untouched" {
		e.Errorf("the host's file is now %q, %v", got, err)
	}
	// Nothing is read through such links either.
	for _, name := range []string{"/tmp/victim", "/tmp/abs/victim", "/tmp/rel/victim", up + victim[1:]} {
		if text, err := e.readOut(info.ID, name); err == nil && strings.Contains(text, "untouched") {
			e.Errorf("copy out of %s reads the host's file", name)
		}
	}
}

// readOut returns the content of the first file of a copy out.
func (e *env) readOut(id, name string) (string, error) {
	r, _, err := e.copier().CopyOut(e.ctx, id, name)
	if err != nil {
		return "", err
	}
	defer func() { _ = r.Close() }() // only read from
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err != nil {
			return "", err
		}
		if h.Typeflag == tar.TypeReg {
			text, err := io.ReadAll(t)
			return string(text), err
		}
	}
}

func copyInDamaged(e *env) {
	info := e.running()
	whole, err := io.ReadAll(archive(file("f", strings.Repeat("x", 4096))))
	if err != nil {
		e.Fatal(err)
	}
	for name, data := range map[string]string{"garbage": strings.Repeat("no tar", 200), "cut": string(whole[:2000])} {
		err := e.copier().CopyIn(e.ctx, info.ID, "/tmp", strings.NewReader(data), vzcontract.CopyInOptions{})
		if err == nil {
			e.Errorf("copy of a %s archive succeeded", name)
		}
	}
	e.wantState(info.ID, vzcontract.StateRunning)
}

func copyOut(e *env) {
	info := e.start(e.config("sh", "-c", "mkdir -p /tmp/d/sub; echo 1 > /tmp/d/one; echo 2 > /tmp/d/sub/two; chmod 640 /tmp/d/one; ln -s one /tmp/d/l"))
	e.wait(info.ID)
	r, stat, err := e.copier().CopyOut(e.ctx, info.ID, "/tmp/d")
	if err != nil {
		e.Fatal(err)
	}
	if stat.Name != "d" || !fs.FileMode(stat.Mode).IsDir() {
		e.Errorf("stat = %+v, want the directory d", stat)
	}
	got := map[string]string{}
	t := tar.NewReader(r)
	for first := true; ; first = false {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			e.Fatal(err)
		}
		if first && strings.TrimSuffix(h.Name, "/") != "d" {
			e.Errorf("the first entry is %q, want d", h.Name)
		}
		text, err := io.ReadAll(t)
		if err != nil {
			e.Fatal(err)
		}
		got[strings.TrimSuffix(h.Name, "/")] = string(text) + h.Linkname
		if h.Name == "d/one" && h.Mode&0o777 != 0o640 {
			e.Errorf("mode of d/one = %o, want 640", h.Mode)
		}
	}
	for name, want := range map[string]string{"d": "", "d/one": "1\n", "d/sub": "", "d/sub/two": "2\n", "d/l": "one"} {
		if text, ok := got[name]; !ok || text != want {
			e.Errorf("%s = %q, %v, want %q", name, text, ok, want)
		}
	}
	if err := r.Close(); err != nil {
		e.Errorf("close: %v", err)
	}
	if text, err := e.readOut(info.ID, "/tmp/d/one"); err != nil || text != "1\n" {
		e.Errorf("copy of one file = %q, %v", text, err)
	}
	_, _, err = e.copier().CopyOut(e.ctx, info.ID, "/tmp/none")
	e.wantClass("copy of what is not there", err, vzcontract.ErrNotFound)
	// Closing early is no failure.
	if r, _, err := e.copier().CopyOut(e.ctx, info.ID, "/bin"); err != nil {
		e.Error(err)
	} else if err := r.Close(); err != nil {
		e.Errorf("early close: %v", err)
	}
}

func copyOutLinks(e *env) {
	info := e.start(e.config("sh", "-c", "mkdir /tmp/d; echo x > /tmp/d/f; ln -s /tmp/d /tmp/abs; ln -s ../../../../tmp/d /tmp/up; ln -s loop /tmp/loop"))
	e.wait(info.ID)
	for _, name := range []string{"/tmp/abs/f", "/tmp/up/f", "/tmp/d/../d/f", "/../../tmp/d/f"} {
		if text, err := e.readOut(info.ID, name); err != nil || text != "x\n" {
			e.Errorf("copy of %s = %q, %v, want x", name, text, err)
		}
	}
	if _, err := e.readOut(info.ID, "/tmp/loop/x"); err == nil {
		e.Error("copy through a link to itself succeeded")
	}
}

func copyStat(e *env) {
	info := e.start(e.config("sh", "-c", "printf 12345 > /tmp/f; chmod 600 /tmp/f; ln -s f /tmp/l"))
	e.wait(info.ID)
	if got, err := e.copier().StatPath(e.ctx, info.ID, "/tmp/f"); err != nil || got.Name != "f" || got.Size != 5 || fs.FileMode(got.Mode) != 0o600 || got.ModTime.IsZero() {
		e.Errorf("stat of a file = %+v, %v", got, err)
	}
	if got, err := e.copier().StatPath(e.ctx, info.ID, "/tmp"); err != nil || !fs.FileMode(got.Mode).IsDir() {
		e.Errorf("stat of a directory = %+v, %v", got, err)
	}
	if got, err := e.copier().StatPath(e.ctx, info.ID, "/tmp/l"); err != nil || got.LinkTarget != "f" || fs.FileMode(got.Mode)&fs.ModeSymlink == 0 {
		e.Errorf("stat of a link = %+v, %v", got, err)
	}
	_, err := e.copier().StatPath(e.ctx, info.ID, "/tmp/none")
	e.wantClass("stat of what is not there", err, vzcontract.ErrNotFound)
}
