package conformance

import (
	"errors"
	"fmt"
	"slices"

	"vz.internal/vzcontract"
)

func filesRemove(e *env) {
	line := "mkdir -p /tmp/d/a/b /tmp/keep /tmp/empty; echo x > /tmp/d/a/b/f; echo x > /tmp/d/g; echo x > /tmp/f; echo kept > /tmp/keep/f; " +
		"ln -s keep /tmp/l; ln -s /tmp/keep /tmp/d/l; ln -s none /tmp/bad"
	e.inStates(line, func(state vzcontract.State, id string) {
		what := fmt.Sprintf("removal in a %s container", state)
		f := e.files()
		if state == vzcontract.StateCreated {
			// What is the image's goes too, in this container.
			if err := f.RemovePath(e.ctx, id, "/home/app"); err != nil {
				e.Errorf("%s: /home/app: %v", what, err)
			}
			e.wantNames(what, id, "/home")
			return
		}
		e.wantClass(what+": of a link as a directory", f.RemovePath(e.ctx, id, "/tmp/l/"), vzcontract.ErrValidation)
		e.wantClass(what+": of a file as a directory", f.RemovePath(e.ctx, id, "/tmp/f/"), vzcontract.ErrValidation)
		e.wantClass(what+": below a file", f.RemovePath(e.ctx, id, "/tmp/f/x"), vzcontract.ErrValidation)
		for _, name := range []string{"/tmp/none", "/tmp/none/x", "/tmp/none/", "/tmp/bad/x"} {
			e.wantClass(what+": "+name, f.RemovePath(e.ctx, id, name), vzcontract.ErrNotFound)
		}
		e.wantNames(what+": after what fails", id, "/tmp", "bad", "d", "empty", "f", "keep", "l")
		for _, name := range []string{"/tmp/d", "/tmp/empty/", "/tmp/f", "/tmp/l", "/tmp/bad"} {
			if err := f.RemovePath(e.ctx, id, name); err != nil {
				e.Errorf("%s: %s: %v", what, name, err)
			}
			e.wantClass(what+": a second time: "+name, f.RemovePath(e.ctx, id, name), vzcontract.ErrNotFound)
		}
		e.wantNames(what+": at the end", id, "/tmp", "keep")
		e.wantNames(what+": behind links", id, "/tmp/keep", "f")
	})
	other := e.create(e.config("true"))
	e.wantNames("another container", other.ID, "/home", "app")
}

// filesRemoveBusy removes trees that the container writes to meanwhile.
func filesRemoveBusy(e *env) {
	info := e.start(e.config("sh", "-c", "echo ready; while :; do mkdir -p /tmp/d/a/b /tmp/d/c; for i in 1 2 3 4 5 6 7 8; do echo x > /tmp/d/a/b/$i; echo x > /tmp/d/c/$i; done 2> /dev/null; done"))
	e.awaitLine(info.ID, "ready")
	for removed := 0; removed < 20; {
		if err := e.ctx.Err(); err != nil {
			e.Fatalf("%d removals of a tree in use succeeded, then: %v", removed, err)
		}
		err := e.files().RemovePath(e.ctx, info.ID, "/tmp/d")
		switch {
		case err == nil:
			removed++
		case !errors.Is(err, vzcontract.ErrNotFound) && !errors.Is(err, vzcontract.ErrConflict):
			e.Fatalf("removal of a tree in use: %v", err)
		}
		if _, err := e.files().ListDir(e.ctx, info.ID, "/tmp/d/a/b"); err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
			e.Fatalf("list of a tree in use: %v", err)
		}
	}
	e.wantState(info.ID, vzcontract.StateRunning)
}

func filesMove(e *env) {
	line := "mkdir -p /tmp/d/sub /tmp/full/x /tmp/empty; echo 1 > /tmp/one; chmod 640 /tmp/one; echo 2 > /tmp/two; echo 3 > /tmp/d/sub/f; ln -s one /tmp/l; ln -s d /tmp/ld"
	e.inStates(line, func(state vzcontract.State, id string) {
		what := fmt.Sprintf("move in a %s container", state)
		move := func(from, to string) error { return e.files().MovePath(e.ctx, id, from, to) }
		if state == vzcontract.StateCreated {
			// A directory of the image may need a copy, which a move does not make.
			err := move("/home/app", "/root/app")
			if err != nil {
				e.wantClass(what+": of the image's directory", err, vzcontract.ErrUnsupported)
			}
			if at, in := e.list(id, "/home"), e.list(id, "/root"); slices.Contains(at, "app") != (err != nil) || slices.Contains(in, "app") != (err == nil) {
				e.Errorf("%s: of the image's directory: %v, then /home holds %q, /root %q", what, err, at, in)
			}
			return
		}
		for _, tt := range []struct {
			from, to string
			class    error
		}{
			{"/tmp/none", "/tmp/x", vzcontract.ErrNotFound},
			{"/tmp/one", "/tmp/none/x", vzcontract.ErrNotFound},
			{"/tmp/one", "/tmp/two/x", vzcontract.ErrValidation},
			{"/tmp/one", "/tmp/empty", vzcontract.ErrValidation},
			{"/tmp/one", "/tmp/x/", vzcontract.ErrValidation},
			{"/tmp/one/", "/tmp/x", vzcontract.ErrValidation},
			{"/tmp/ld/", "/tmp/x", vzcontract.ErrValidation},
			{"/tmp/d", "/tmp/one", vzcontract.ErrValidation},
			{"/tmp/d", "/tmp/d/sub/d", vzcontract.ErrValidation},
			{"/tmp/d", "/tmp/full", vzcontract.ErrConflict},
			{"/tmp/d/sub", "/tmp/d", vzcontract.ErrConflict},
			{"/", "/tmp/x", vzcontract.ErrConflict},
			{"/tmp/d", "/", vzcontract.ErrConflict},
		} {
			e.wantClass(what+": "+tt.from+" to "+tt.to, move(tt.from, tt.to), tt.class)
		}
		e.wantNames(what+": after what fails", id, "/tmp", "d", "empty", "full", "l", "ld", "one", "two")
		for _, step := range [][2]string{
			{"/tmp/one", "/tmp/one"},
			{"/tmp/one", "/tmp/two"},
			{"/tmp/l", "/tmp/ld/link"},
			{"/tmp/two", "/tmp/ld"},
			{"/tmp/d/", "/tmp/empty/"},
			{"/tmp/empty/sub/f", "/tmp/f"},
		} {
			if err := move(step[0], step[1]); err != nil {
				e.Errorf("%s: %q: %v", what, step, err)
			}
		}
		e.wantNames(what+": at the end", id, "/tmp", "empty", "f", "full", "ld")
		e.wantNames(what+": a tree", id, "/tmp/empty", "link", "sub")
		e.wantNames(what+": in the tree", id, "/tmp/empty/sub")
		e.wantMode(what, id, "/tmp/ld", 0o640)
		if state == vzcontract.StateRunning {
			if r := e.exec(id, sh("cat /tmp/ld /tmp/f; readlink /tmp/empty/link")); r.stdout != "1\n3\none\n" {
				e.Errorf("%s: the container reads %q (stderr %q)", what, r.stdout, r.stderr)
			}
		}
	})
}

// filesMounts lets mounts alone.
func filesMounts(e *env) {
	dir := e.TempDir()
	e.hostFile(dir, "f", "kept")
	file := e.hostFile(e.TempDir(), "one", "kept")
	for _, run := range []bool{false, true} {
		cfg := e.config(untilKilled...)
		cfg.Mounts = []vzcontract.Mount{bind(dir, "/srv/data"), bind(file, "/srv/one"), {Type: vzcontract.MountTmpfs, Target: "/srv/mem"}}
		info := e.create(cfg)
		if run {
			if _, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{}); err != nil {
				e.Fatal(err)
			}
			e.awaitLine(info.ID, "ready")
		}
		what := fmt.Sprintf("in a container that runs: %v: ", run)
		f := e.files()
		for _, name := range []string{"/", "/proc", "/dev", "/sys", "/etc/hosts", "/etc/resolv.conf", "/etc", "/srv", "/srv/data", "/srv/data/", "/srv/one", "/srv/mem", "/tmp/../srv"} {
			e.wantClass(what+"removal of "+name, f.RemovePath(e.ctx, info.ID, name), vzcontract.ErrConflict)
			e.wantClass(what+"move of "+name, f.MovePath(e.ctx, info.ID, name, "/tmp/x"), vzcontract.ErrConflict)
		}
		e.mustMake(info.ID, "/tmp/d")
		e.wantClass(what+"move to a mount", f.MovePath(e.ctx, info.ID, "/tmp/d", "/srv/data"), vzcontract.ErrConflict)
		e.wantClass(what+"move into a mount", f.MovePath(e.ctx, info.ID, "/tmp/d", "/srv/data/d"), vzcontract.ErrUnsupported)
		e.wantClass(what+"move out of a mount", f.MovePath(e.ctx, info.ID, "/srv/data/f", "/tmp/f"), vzcontract.ErrUnsupported)
		e.wantNames(what, info.ID, "/srv/data", "f")
		if got := e.list(info.ID, "/etc"); !slices.Contains(got, "passwd") {
			e.Errorf("%s/etc holds only %q", what, got)
		}
	}
}

// filesVolume works in a volume, and with a part of one.
func filesVolume(e *env) {
	if why := e.lacks(vzcontract.FeatureVolumes); why != "" {
		e.Skip(why)
	}
	e.output(e.withVolume("mkdir -p /data/part/d /data/other; echo x > /data/part/d/f; echo x > /data/other/f; ln -s /other /data/part/out; ln -s ../other /data/part/up; ln -s d /data/part/l",
		volume("files", "/data")))
	part := volume("files", "/srv/v")
	part.Subpath = "part"
	for _, run := range []bool{false, true} {
		cfg := e.config(untilKilled...)
		cfg.Mounts = []vzcontract.Mount{part}
		info := e.create(cfg)
		if run {
			if _, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{}); err != nil {
				e.Fatal(err)
			}
			e.awaitLine(info.ID, "ready")
		}
		what := fmt.Sprintf("in a container that runs: %v: ", run)
		f := e.files()
		e.wantNames(what+"a volume", info.ID, "/srv/v", "d", "l", "out", "up")
		e.wantNames(what+"through a link", info.ID, "/srv/v/l", "f")
		e.mustMake(info.ID, "/srv/v/new/sub")
		if err := f.MovePath(e.ctx, info.ID, "/srv/v/new/sub", "/srv/v/sub"); err != nil {
			e.Errorf("%smove: %v", what, err)
		}
		e.wantNames(what+"after a move", info.ID, "/srv/v", "d", "l", "new", "out", "sub", "up")
		// What else the volume has is not this container's.
		for _, link := range []string{"out", "up"} {
			if list, err := f.ListDir(e.ctx, info.ID, "/srv/v/"+link); err == nil && len(list) > 0 {
				e.Errorf("%s%s leads to %+v", what, link, list)
			}
			_ = f.RemovePath(e.ctx, info.ID, "/srv/v/"+link+"/f")
			_ = f.MakeDir(e.ctx, info.ID, "/srv/v/"+link+"/made", 0o755)
		}
		for _, name := range []string{"/srv/v/new", "/srv/v/sub"} {
			if err := f.RemovePath(e.ctx, info.ID, name); err != nil {
				e.Errorf("%sremove %s: %v", what, name, err)
			}
		}
		e.wantClass(what+"removal of the mount", f.RemovePath(e.ctx, info.ID, "/srv/v"), vzcontract.ErrConflict)
		if err := e.b.Remove(e.ctx, info.ID, vzcontract.RemoveOptions{Force: true}); err != nil {
			e.Fatal(err)
		}
	}
	// Read-only, it stays as it is.
	part.ReadOnly = true
	cfg := e.config("true")
	cfg.Mounts = []vzcontract.Mount{part}
	info := e.create(cfg)
	if err := e.files().RemovePath(e.ctx, info.ID, "/srv/v/d"); err == nil {
		e.Error("removal in a read-only volume succeeded")
	}
	if got := e.output(e.withVolume("ls /data/part; ls /data/other", volume("files", "/data"))); got != "d\nl\nout\nup\nf\n" {
		e.Errorf("at the end the volume holds %q", got)
	}
}
