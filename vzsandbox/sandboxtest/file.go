package sandboxtest

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"

	"vz.internal/vzcontract"
	"vz.internal/vzsandbox"
)

var fileChecks = []check{
	{name: "files", run: files, needs: vzsandbox.AbilityCopy},
	{name: "files-links", run: filesLinks, needs: vzsandbox.AbilityCopy},
	{name: "files-owner", run: filesOwner, needs: vzsandbox.AbilityCopy},
	{name: "files-errors", run: filesErrors, needs: vzsandbox.AbilityCopy},
	{name: "files-tree", run: filesTree, needs: vzsandbox.AbilityCopy},
	{name: "files-manage", run: filesManage, needs: vzsandbox.AbilityFiles},
	{name: "files-watch", run: filesWatch, needs: vzsandbox.AbilityWatch},
}

func files(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	data := bytes.Repeat([]byte("0123456789abcdef"), 20000)
	e.must(s.WriteFile(e.ctx, "data", data, 0o640))
	got, err := s.ReadFile(e.ctx, "/workspace/data")
	if err != nil || !bytes.Equal(got, data) {
		e.Errorf("read %d bytes, %v, want %d", len(got), err, len(data))
	}
	st, err := s.Stat(e.ctx, "data")
	if err != nil || st.Name != "data" || st.Size != int64(len(data)) || fs.FileMode(st.Mode) != 0o640 {
		e.Errorf("stat = %+v, %v", st, err)
	}
	e.must(s.WriteFile(e.ctx, "data", nil, 0o600))
	if got, err := s.ReadFile(e.ctx, "data"); err != nil || len(got) > 0 {
		e.Errorf("an emptied file has %q, %v", got, err)
	}
	e.shell(s, "echo made inside > inside")
	if got, err := s.ReadFile(e.ctx, "inside"); err != nil || string(got) != "made inside\n" {
		e.Errorf("read %q, %v", got, err)
	}
}

func filesLinks(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	e.shell(s, "mkdir dir; echo one > dir/file; ln -s dir/file rel; ln -s /workspace/rel abs; ln -s new dangling; ln -s dir way; ln -s ../../workspace/dir/file dir/up; ln -s loop loop")
	for _, name := range []string{"rel", "abs", "way/file", "way/up"} {
		if got, err := s.ReadFile(e.ctx, name); err != nil || string(got) != "one\n" {
			e.Errorf("read %s: %q, %v", name, got, err)
		}
	}
	e.must(s.WriteFile(e.ctx, "abs", []byte("two\n"), 0o644))
	e.must(s.WriteFile(e.ctx, "dangling", []byte("three\n"), 0o644))
	e.want(s, "cat dir/file new; test -L abs && test -L rel && test -L dangling && echo links", "two\nthree\nlinks\n")
	_, err := s.ReadFile(e.ctx, "loop")
	e.wantClass("a loop of links", err, vzcontract.ErrValidation)
}

func filesOwner(e *env) {
	for user, want := range map[string]string{"": "root", "app": "app", "1000": "app", "0:1000": "root", "4000:4000": "none"} {
		e.tmpl.User = user
		s := e.create(vzsandbox.CreateOptions{})
		e.must(s.WriteFile(e.ctx, "/tmp/file", []byte("x"), 0o600))
		r := e.run(s, "cat /tmp/file")
		if r.Exit.Code != 0 {
			e.Errorf("user %q (%s) cannot read the file written for it: %s", user, want, r.Stderr)
		}
	}
}

func filesErrors(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	_, err := s.ReadFile(e.ctx, "missing")
	e.wantClass("read what is missing", err, vzcontract.ErrNotFound)
	_, err = s.ReadFile(e.ctx, "/tmp")
	e.wantClass("read a directory", err, vzcontract.ErrValidation)
	_, err = s.Stat(e.ctx, "missing")
	e.wantClass("stat what is missing", err, vzcontract.ErrNotFound)
	_, err = s.Download(e.ctx, "missing")
	e.wantClass("download what is missing", err, vzcontract.ErrNotFound)
	e.wantClass("write into a missing directory", s.WriteFile(e.ctx, "missing/file", nil, 0o644), vzcontract.ErrNotFound)
	e.wantClass("write a directory", s.WriteFile(e.ctx, "/tmp/", nil, 0o644), vzcontract.ErrValidation)
	e.wantClass("write over a directory", s.WriteFile(e.ctx, "/tmp", nil, 0o644), vzcontract.ErrValidation)
}

func filesTree(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	var archive bytes.Buffer
	out := tar.NewWriter(&archive)
	for name, text := range map[string]string{"a/one": "1", "a/b/two": "2"} {
		e.must(out.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(text))}))
		_, err := io.WriteString(out, text)
		e.must(err)
	}
	e.must(out.Close())
	e.must(s.Upload(e.ctx, ".", &archive, vzcontract.CopyInOptions{}))
	e.want(s, "cat a/one a/b/two", "12")
	down, err := s.Download(e.ctx, "a")
	e.must(err)
	in, got := tar.NewReader(down), map[string]string{}
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		e.must(err)
		text, err := io.ReadAll(in)
		e.must(err)
		got[h.Name] = string(text)
	}
	e.must(down.Close())
	if len(got) != 4 || got["a/one"] != "1" || got["a/b/two"] != "2" {
		e.Errorf("downloaded %q", got)
	}
}

func filesManage(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	e.must(s.MakeDir(e.ctx, "new/dir", 0o755))
	e.must(s.WriteFile(e.ctx, "new/dir/file", []byte("x"), 0o644))
	e.must(s.Move(e.ctx, "new/dir/file", "/tmp/moved"))
	e.want(s, "cat /tmp/moved", "x")
	e.must(s.MakeDir(e.ctx, "new/other", 0o700))
	list, err := s.ReadDir(e.ctx, "new")
	if err != nil || len(list) != 2 || list[0].Name != "dir" || list[1].Name != "other" {
		e.Errorf("list = %+v, %v", list, err)
	}
	e.wantClass("remove a path that is empty", s.RemoveFile(e.ctx, ""), vzcontract.ErrValidation)
	e.wantClass("move a path that is empty", s.Move(e.ctx, "", "/tmp/all"), vzcontract.ErrValidation)
	e.must(s.RemoveFile(e.ctx, "new"))
	_, err = s.ReadDir(e.ctx, "new")
	e.wantClass("list what was removed", err, vzcontract.ErrNotFound)
}

// filesWatch follows what a command does to the workspace.
func filesWatch(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	enough := errors.New("enough")
	var got []vzcontract.FileEvent
	err := s.Watch(e.ctx, ".", vzcontract.WatchOptions{Recursive: true}, func(event vzcontract.FileEvent) error {
		got = append(got, event)
		switch {
		case event.Kind == vzcontract.FileWatching:
			e.shell(s, "mkdir -p src/deep; echo x > src/deep/file; echo y > last")
		case event.Kind == vzcontract.FileModified && event.Path == "/workspace/last":
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		e.Fatalf("watch: %v", err)
	}
	found := false
	for _, event := range got {
		found = found || event.Kind == vzcontract.FileCreated && event.Path == "/workspace/src/deep/file"
	}
	if !found {
		e.Errorf("events = %+v", got)
	}
	err = s.Watch(e.ctx, "missing", vzcontract.WatchOptions{}, func(vzcontract.FileEvent) error { return nil })
	e.wantClass("watch what is missing", err, vzcontract.ErrNotFound)
}
