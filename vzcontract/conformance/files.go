package conformance

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

var fileChecks = []check{
	{name: "files-list", feature: vzcontract.FeatureFiles, run: filesList},
	{name: "files-list-big", feature: vzcontract.FeatureFiles, run: filesListBig},
	{name: "files-make", feature: vzcontract.FeatureFiles, run: filesMake},
	{name: "files-remove", feature: vzcontract.FeatureFiles, run: filesRemove},
	{name: "files-remove-busy", feature: vzcontract.FeatureFiles, run: filesRemoveBusy},
	{name: "files-move", feature: vzcontract.FeatureFiles, run: filesMove},
	{name: "files-names", feature: vzcontract.FeatureFiles, run: filesNames},
	{name: "files-hostile", feature: vzcontract.FeatureFiles, run: filesHostile},
	{name: "files-mounts", feature: vzcontract.FeatureFiles, run: filesMounts},
	{name: "files-volume", feature: vzcontract.FeatureFiles, run: filesVolume},
	{name: "files-invalid", feature: vzcontract.FeatureFiles, run: filesInvalid},
}

func (e *env) files() vzcontract.FileManager { return e.b.(vzcontract.FileManager) }

// inStates runs f on a container that was never started, one that runs and one that
// has stopped. In each, line has been run, unless it was never started.
func (e *env) inStates(line string, f func(state vzcontract.State, id string)) {
	e.Helper()
	created := e.create(e.config("true"))
	f(vzcontract.StateCreated, created.ID)
	stopped := e.start(e.config("sh", "-c", line))
	if exit := e.wait(stopped.ID); exit.Code != 0 {
		e.Fatalf("%s = exit %+v", line, exit)
	}
	f(vzcontract.StateStopped, stopped.ID)
	running := e.running()
	if r := e.exec(running.ID, sh(line)); r.exit.Code != 0 {
		e.Fatalf("%s = exit %+v, stderr %q", line, r.exit, r.stderr)
	}
	f(vzcontract.StateRunning, running.ID)
}

// list returns the names in a directory.
func (e *env) list(id, dir string) []string {
	e.Helper()
	list, err := e.files().ListDir(e.ctx, id, dir)
	if err != nil {
		e.Errorf("list %s: %v", dir, err)
	}
	names := []string{}
	for _, entry := range list {
		names = append(names, entry.Name)
	}
	return names
}

func (e *env) wantNames(what, id, dir string, want ...string) {
	e.Helper()
	if got := e.list(id, dir); !equal(got, append([]string{}, want...)) {
		e.Errorf("%s: %s holds %q, want %q", what, dir, got, want)
	}
}

func (e *env) mustMake(id string, dirs ...string) {
	e.Helper()
	for _, dir := range dirs {
		if err := e.files().MakeDir(e.ctx, id, dir, 0o755); err != nil {
			e.Fatalf("make %q: %v", dir, err)
		}
	}
}

func filesList(e *env) {
	line := "mkdir -p /tmp/d/sub; printf 12345 > /tmp/d/f; chmod 640 /tmp/d/f; ln -s f /tmp/d/l; ln -s none /tmp/d/bad; ln -s d /tmp/ld; ln -s loop /tmp/loop; mkdir /tmp/empty"
	e.inStates(line, func(state vzcontract.State, id string) {
		what := fmt.Sprintf("list in a %s container", state)
		if state == vzcontract.StateCreated {
			list, err := e.files().ListDir(e.ctx, id, "/etc")
			if err != nil || !slices.ContainsFunc(list, func(s vzcontract.PathStat) bool { return s.Name == "passwd" && fs.FileMode(s.Mode).IsRegular() }) {
				e.Errorf("%s: /etc holds %+v, %v, want the image's files", what, list, err)
			}
			return
		}
		for _, dir := range []string{"/tmp/d", "/tmp/d/", "/tmp/ld", "/tmp/ld/", "/tmp/./ld/.", "/../tmp/d/sub/.."} {
			list, err := e.files().ListDir(e.ctx, id, dir)
			if err != nil || len(list) != 4 {
				e.Errorf("%s: %s holds %+v, %v, want four", what, dir, list, err)
				continue
			}
			bad, f, l, sub := list[0], list[1], list[2], list[3]
			if f.Name != "f" || f.Size != 5 || fs.FileMode(f.Mode) != 0o640 || f.ModTime.IsZero() || f.LinkTarget != "" {
				e.Errorf("%s: file = %+v", what, f)
			}
			if l.Name != "l" || l.LinkTarget != "f" || fs.FileMode(l.Mode).Type() != fs.ModeSymlink || bad.Name != "bad" || bad.LinkTarget != "none" {
				e.Errorf("%s: links = %+v, %+v", what, l, bad)
			}
			if sub.Name != "sub" || !fs.FileMode(sub.Mode).IsDir() {
				e.Errorf("%s: directory = %+v", what, sub)
			}
		}
		if list, err := e.files().ListDir(e.ctx, id, "/tmp/empty"); err != nil || list == nil || len(list) != 0 {
			e.Errorf("%s: an empty directory = %+v, %v, want an empty list", what, list, err)
		}
		if names := e.list(id, "/"); !slices.Contains(names, "tmp") || !slices.IsSorted(names) {
			e.Errorf("%s: / holds %q", what, names)
		}
		for dir, class := range map[string]error{
			"/tmp/none": vzcontract.ErrNotFound, "/tmp/d/bad": vzcontract.ErrNotFound, "/tmp/d/f": vzcontract.ErrValidation,
			"/tmp/d/f/x": vzcontract.ErrValidation, "/tmp/loop": vzcontract.ErrValidation, "/tmp/loop/x": vzcontract.ErrValidation,
		} {
			_, err := e.files().ListDir(e.ctx, id, dir)
			e.wantClass(what+": "+dir, err, class)
		}
	})
}

func filesListBig(e *env) {
	const many = 10_000
	info := e.running()
	if r := e.exec(info.ID, sh(fmt.Sprintf("mkdir /tmp/big; cd /tmp/big; touch $(seq 1 %d)", many))); r.exit.Code != 0 {
		e.Fatalf("touch = exit %+v, stderr %q", r.exit, r.stderr)
	}
	names := e.list(info.ID, "/tmp/big")
	if len(names) != many || !slices.IsSorted(names) || len(slices.Compact(names)) != many {
		e.Errorf("a directory of %d files lists %d", many, len(names))
	}
	if err := e.files().RemovePath(e.ctx, info.ID, "/tmp/big"); err != nil {
		e.Errorf("removal of %d files: %v", many, err)
	}
	e.wantNames("after removal", info.ID, "/tmp")
}

func filesMake(e *env) {
	e.inStates("mkdir /tmp/old; chmod 700 /tmp/old; echo x > /tmp/f; ln -s old /tmp/l; ln -s none /tmp/bad", func(state vzcontract.State, id string) {
		what := fmt.Sprintf("make in a %s container", state)
		for dir, mode := range map[string]uint32{"/tmp/a/b/c": 0o750, "/tmp/open/": 0o1777, "/tmp/zero": 0} {
			if err := e.files().MakeDir(e.ctx, id, dir, mode); err != nil {
				e.Errorf("%s: %s: %v", what, dir, err)
			}
		}
		want := map[string]fs.FileMode{"/tmp/a": 0o755, "/tmp/a/b": 0o755, "/tmp/a/b/c": 0o750, "/tmp/open": 0o777 | fs.ModeSticky, "/tmp/zero": 0}
		for _, again := range []string{"/", "/tmp", "/tmp/a/b", "/tmp/a/b/c/../c/."} {
			if err := e.files().MakeDir(e.ctx, id, again, 0o711); err != nil {
				e.Errorf("%s: %s, which is there: %v", what, again, err)
			}
		}
		if state != vzcontract.StateCreated {
			want["/tmp/old"], want["/tmp/old/in"] = 0o700, 0o755
			for _, dir := range []string{"/tmp/l", "/tmp/l/in"} {
				if err := e.files().MakeDir(e.ctx, id, dir, 0o755); err != nil {
					e.Errorf("%s: %s: %v", what, dir, err)
				}
			}
			for _, dir := range []string{"/tmp/f", "/tmp/f/x", "/tmp/bad"} {
				e.wantClass(what+": "+dir, e.files().MakeDir(e.ctx, id, dir, 0o755), vzcontract.ErrValidation)
			}
		}
		e.wantClass(what+": mode", e.files().MakeDir(e.ctx, id, "/tmp/x", 0o40755), vzcontract.ErrValidation)
		for name, mode := range want {
			e.wantMode(what, id, name, fs.ModeDir|mode)
		}
		if state == vzcontract.StateRunning {
			r := e.exec(id, sh("set -- $(ls -ldn /tmp/a); echo $3 $4; set -- $(ls -ldn /tmp/a/b/c); echo $3 $4"))
			if r.stdout != "0 0\n0 0\n" {
				e.Errorf("%s: owners = %q, want root (stderr %q)", what, r.stdout, r.stderr)
			}
		}
	})
}

func (e *env) wantMode(what, id, name string, mode fs.FileMode) {
	e.Helper()
	list, err := e.files().ListDir(e.ctx, id, path.Dir(name))
	if err != nil {
		e.Errorf("%s: list: %v", what, err)
	}
	i := slices.IndexFunc(list, func(s vzcontract.PathStat) bool { return s.Name == path.Base(name) })
	if i < 0 {
		e.Errorf("%s: %s is not there", what, name)
	} else if got := fs.FileMode(list[i].Mode); got != mode {
		e.Errorf("%s: %s has mode %s, want %s", what, name, got, mode)
	}
}

// filesNames are names that some would not take.
func filesNames(e *env) {
	info := e.running()
	names := []string{"\n", "\xff\xfe", "\x1b[31mred", " ", "*", "-rf", "a\nb", "back\\slash", "é", strings.Repeat("x", 255)}
	for _, name := range names {
		e.mustMake(info.ID, "/tmp/d/"+name)
	}
	slices.Sort(names)
	e.wantNames("strange names", info.ID, "/tmp/d", names...)
	for i, name := range names {
		if err := e.files().MovePath(e.ctx, info.ID, "/tmp/d/"+name, "/tmp/d/"+name+"/../moved"); err != nil {
			e.Errorf("move %q: %v", name, err)
		}
		if err := e.files().MovePath(e.ctx, info.ID, "/tmp/d/moved", "/tmp/d/"+name); err != nil {
			e.Errorf("move back %q: %v", name, err)
		}
		if err := e.files().RemovePath(e.ctx, info.ID, "/tmp/d/"+name); err != nil {
			e.Errorf("remove %q: %v", name, err)
		}
		e.wantNames("after a removal", info.ID, "/tmp/d", names[i+1:]...)
	}
	for _, name := range []string{"\n", "\xff"} {
		_, err := e.files().ListDir(e.ctx, info.ID, "/tmp/"+name)
		e.wantClass(fmt.Sprintf("list of a missing %q", name), err, vzcontract.ErrNotFound)
		e.wantClass(fmt.Sprintf("removal of a missing %q", name), e.files().RemovePath(e.ctx, info.ID, "/tmp/"+name), vzcontract.ErrNotFound)
	}
	if e.lacks(vzcontract.FeatureCopy) == "" {
		e.mustMake(info.ID, "/tmp/\xff\n")
		if got, err := e.copier().StatPath(e.ctx, info.ID, "/tmp/\xff\n"); err != nil || got.Name != "\xff\n" {
			e.Errorf("stat of a name of odd bytes = %+v, %v", got, err)
		}
	}
}

// filesHostile has links to the host's files at all places.
func filesHostile(e *env) {
	outside := e.TempDir()
	victim := e.hostFile(outside, "victim", "untouched")
	if err := os.MkdirAll(filepath.Join(outside, "full", "sub"), 0o755); err != nil { //nolint:gosec // as a host's
		e.Fatal(err)
	}
	up := strings.Repeat("../", 30)
	line := "mkdir /tmp/d; ln -s " + outside + " /tmp/abs; ln -s " + up + outside[1:] + " /tmp/rel; ln -s " + victim + " /tmp/d/victim; ln -s " + outside +
		" /tmp/d/abs; ln -s /proc/self/root" + outside + " /tmp/magic; ln -s loop /tmp/loop; echo x > /tmp/f"
	e.inStates(line, func(state vzcontract.State, id string) {
		if state == vzcontract.StateCreated {
			return
		}
		f := e.files()
		for _, dir := range []string{"/tmp/abs", "/tmp/abs/", "/tmp/rel", "/tmp/magic", "/" + up + outside[1:], "/tmp/loop"} {
			// An error is fine; so is a directory of the container's own of that name.
			list, err := f.ListDir(e.ctx, id, dir)
			if err == nil && slices.ContainsFunc(list, func(s vzcontract.PathStat) bool { return s.Name == "victim" }) {
				e.Errorf("list of %s shows the host's files", dir)
			}
			_ = f.MakeDir(e.ctx, id, dir+"/made", 0o777)
			_ = f.RemovePath(e.ctx, id, dir+"/victim")
			_ = f.RemovePath(e.ctx, id, dir+"/full")
			_ = f.MovePath(e.ctx, id, dir+"/victim", "/tmp/stolen")
			_ = f.MovePath(e.ctx, id, "/tmp/f", dir+"/victim")
			_ = f.MovePath(e.ctx, id, "/tmp/f", dir+"/new")
		}
		// Links go themselves, whatever they lead to.
		for _, name := range []string{"/tmp/d", "/tmp/abs", "/tmp/rel", "/tmp/magic", "/tmp/loop"} {
			if err := f.RemovePath(e.ctx, id, name); err != nil {
				e.Errorf("removal of %s: %v", name, err)
			}
		}
	})
	for dir, want := range map[string][]string{outside: {"full", "victim"}, filepath.Join(outside, "full"): {"sub"}} {
		var got []string
		entries, err := os.ReadDir(dir)
		for _, entry := range entries {
			got = append(got, entry.Name())
		}
		if err != nil || !equal(got, want) {
			e.Errorf("the host's %s holds %q, %v, want %q", dir, got, err, want)
		}
	}
	if got, err := os.ReadFile(victim); err != nil || string(got) != "untouched" {
		e.Errorf("the host's file is now %q, %v", got, err)
	}
}

func filesInvalid(e *env) {
	info := e.create(e.config("true"))
	f := e.files()
	for _, bad := range []string{"", "tmp", "./tmp", "../tmp", "/tmp/a\x00b", "/tmp/" + strings.Repeat("x", 256), "/" + strings.Repeat("x/", 4000)} {
		_, err := f.ListDir(e.ctx, info.ID, bad)
		short := fmt.Sprintf("%.20q", bad)
		e.wantClass("list "+short, err, vzcontract.ErrValidation)
		e.wantClass("make "+short, f.MakeDir(e.ctx, info.ID, bad, 0o755), vzcontract.ErrValidation)
		e.wantClass("remove "+short, f.RemovePath(e.ctx, info.ID, bad), vzcontract.ErrValidation)
		e.wantClass("move "+short, f.MovePath(e.ctx, info.ID, bad, "/tmp/x"), vzcontract.ErrValidation)
		e.wantClass("move to "+short, f.MovePath(e.ctx, info.ID, "/etc/passwd", bad), vzcontract.ErrValidation)
	}
	for _, end := range []string{"/tmp/.", "/tmp/..", "/.."} {
		e.wantClass("remove "+end, f.RemovePath(e.ctx, info.ID, end), vzcontract.ErrValidation)
		e.wantClass("move "+end, f.MovePath(e.ctx, info.ID, end, "/tmp/x"), vzcontract.ErrValidation)
		e.wantClass("move to "+end, f.MovePath(e.ctx, info.ID, "/etc/passwd", end), vzcontract.ErrValidation)
	}
}
