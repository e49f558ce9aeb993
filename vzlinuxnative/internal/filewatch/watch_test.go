//go:build linux

package filewatch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// A session is a Watch of a directory of the test.
type session struct {
	t      *testing.T
	dir    string
	events chan string
	ended  chan error
	cancel context.CancelFunc
}

// text is an event on one line, without the root.
func text(e vzcontract.FileEvent) string {
	s := string(e.Kind) + " " + e.Path
	if e.Dir {
		s += "/"
	}
	if e.From != "" {
		s += " from " + e.From
	}
	return s
}

func start(t *testing.T, dir, path string, recursive bool, buffer int) *session {
	t.Helper()
	root, err := os.Open(dir)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	s := &session{t: t, dir: dir, events: make(chan string, buffer), ended: make(chan error, 1), cancel: cancel}
	go func() {
		s.ended <- Watch(ctx, Options{Root: root, Path: path, Recursive: recursive}, func(e vzcontract.FileEvent) error {
			select {
			case s.events <- text(e):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		close(s.events)
	}()
	t.Cleanup(func() {
		cancel()
		for range s.events { // until the end
		}
		root.Close()
	})
	require.Contains(t, <-s.events, "watching ")
	return s
}

// next returns the next events.
func (s *session) next(n int) []string {
	s.t.Helper()
	var got []string
	for range n {
		e, ok := <-s.events
		if !ok {
			s.t.Fatalf("it ended after %q", got)
		}
		got = append(got, e)
	}
	return got
}

func (s *session) sh(steps ...func() error) {
	s.t.Helper()
	for _, step := range steps {
		require.NoError(s.t, step())
	}
}

func (s *session) at(name string) string { return filepath.Join(s.dir, name) }

func (s *session) write(name string) func() error {
	return func() error { return os.WriteFile(s.at(name), []byte("x"), 0o600) }
}

func (s *session) move(from, to string) func() error {
	return func() error { return os.Rename(s.at(from), s.at(to)) }
}

func (s *session) mkdir(name string) func() error {
	return func() error { return os.Mkdir(s.at(name), 0o700) }
}

func (s *session) remove(name string) func() error {
	return func() error { return os.Remove(s.at(name)) }
}

func TestEvents(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "w/sub"), 0o700))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "out"), 0o700))
	s := start(t, dir, "/w", true, 100)
	bad := "w/\xff\n"
	for _, tt := range []struct {
		do   []func() error
		want []string
	}{
		{[]func() error{s.write("w/f")}, []string{"created /w/f", "modified /w/f"}},
		{[]func() error{func() error { return os.Chmod(s.at("w/f"), 0o644) }}, []string{"attributes /w/f"}},
		{[]func() error{s.move("w/f", "w/sub/g")}, []string{"moved /w/sub/g from /w/f"}},
		{[]func() error{s.move("w/sub/g", "out/g")}, []string{"removed /w/sub/g"}},
		{[]func() error{s.move("out/g", "w/g")}, []string{"created /w/g"}},
		{[]func() error{s.remove("w/g")}, []string{"removed /w/g"}},
		{[]func() error{s.write(bad)}, []string{"created /" + bad, "modified /" + bad}},
		{[]func() error{s.move("w/sub", "w/moved")}, []string{"moved /w/moved/ from /w/sub"}},
		{[]func() error{s.write("w/moved/in")}, []string{"created /w/moved/in", "modified /w/moved/in"}},
		{[]func() error{s.move("w/moved", "out/moved")}, []string{"removed /w/moved/"}},
		{[]func() error{s.write("out/moved/unseen"), s.write("w/seen")}, []string{"created /w/seen", "modified /w/seen"}},
		{[]func() error{s.move("out/moved", "w/back")}, []string{"created /w/back/", "created /w/back/in", "created /w/back/unseen"}},
		{[]func() error{s.remove("w/back/in")}, []string{"removed /w/back/in"}},
		{[]func() error{func() error { return os.Symlink("/out", s.at("w/link")) }}, []string{"created /w/link"}},
	} {
		s.sh(tt.do...)
		got := s.next(len(tt.want))
		if tt.want[0] == "created /w/back/" {
			slices.Sort(got[1:]) // as the directory has them
		}
		for i, want := range tt.want {
			require.True(t, strings.HasPrefix(got[i], want), "event %q, want %q", got[i], want)
		}
	}
	s.sh(s.write("out/behind-link"), func() error { return os.RemoveAll(s.at("w")) })
	for {
		e, ok := <-s.events
		if !ok {
			break
		}
		require.NotContains(t, e, "behind-link")
	}
	require.NoError(t, <-s.ended, "the directory has gone")
}

// TestNoGap: whatever comes to be in a new directory is told, however fast.
func TestNoGap(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir, "/", true, 100_000)
	want := map[string]bool{}
	for i := range 30 {
		deep := fmt.Sprintf("d%d/a/b", i)
		require.NoError(t, os.MkdirAll(s.at(deep), 0o700))
		for j := range 5 {
			name := fmt.Sprintf("%s/f%d", deep, j)
			s.sh(s.write(name))
			want["created /"+name] = true
		}
	}
	for len(want) > 0 {
		e, ok := <-s.events
		require.True(t, ok, "not told: %v", want)
		require.NotContains(t, e, "missed")
		delete(want, e)
	}
}

// TestOneFile: a file is watched by its name.
func TestOneFile(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), nil, 0o600))
	s := start(t, dir, "/f", true, 100)
	s.sh(s.write("other"), s.write("f"), s.write("f.new"), s.move("f.new", "f"), s.remove("f"), s.write("f"))
	require.Equal(t, []string{"modified /f", "moved /f from /f.new", "removed /f", "created /f", "modified /f"}, s.next(5))
	s.cancel()
	require.ErrorIs(t, <-s.ended, context.Canceled)
}

func TestNotRecursive(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "d"), 0o700))
	s := start(t, dir, "/", false, 100)
	s.sh(s.write("d/unseen"), s.mkdir("e"), s.write("e/unseen"), s.write("seen"))
	require.Equal(t, []string{"created /e/", "created /seen", "modified /seen"}, s.next(3))
}

// TestOverflow: what the kernel could not keep is told to be missed, and what comes after
// that is told again, also below directories that nobody was told of.
func TestOverflow(t *testing.T) {
	limit, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	require.NoError(t, err)
	var queue int
	_, err = fmt.Sscan(string(limit), &queue)
	require.NoError(t, err)
	if queue > 100_000 {
		t.Skipf("the kernel keeps %d events", queue)
	}
	dir := t.TempDir()
	s := start(t, dir, "/", true, 0) // nobody reads meanwhile
	for range queue {                // with two events each
		s.sh(s.mkdir("d"), s.remove("d"))
	}
	s.sh(s.mkdir("kept"))
	for {
		e, ok := <-s.events
		require.True(t, ok, "nothing was missed")
		if e == "missed //" {
			break
		}
	}
	s.sh(s.write("kept/f"))
	for e := range s.events {
		if e == "created /kept/f" {
			return
		}
	}
	t.Error("the directory that was made while events were lost is not watched")
}

// TestReplacedByLink: a directory that becomes a link leads nowhere.
func TestReplacedByLink(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"w/d", "out/deep"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, d), 0o700))
	}
	s := start(t, dir, "/w", true, 1000)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() { // a program that changes its mind
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Remove(s.at("w/d"))
			_ = os.Symlink(s.at("out"), s.at("w/d"))
			_ = os.WriteFile(s.at("out/secret"), nil, 0o600)
			_ = os.Remove(s.at("w/d"))
			_ = os.Mkdir(s.at("w/d"), 0o700)
		}
	}()
	for range 500 {
		e, ok := <-s.events
		require.True(t, ok)
		require.NotContains(t, e, "secret")
		require.NotContains(t, e, "deep")
	}
	close(stop)
	s.cancel()
	for e := range s.events {
		require.NotContains(t, e, "secret")
	}
	<-done
}

// TestDeep: a tree deeper than a path can be does no harm.
func TestDeep(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir, "/", true, 10_000)
	name := strings.Repeat("n", 200)
	at, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	require.NoError(t, err)
	for range 40 {
		require.NoError(t, unix.Mkdirat(at, name, 0o700))
		below, err := unix.Openat(at, name, unix.O_PATH|unix.O_DIRECTORY, 0)
		require.NoError(t, err)
		unix.Close(at)
		at = below
	}
	unix.Close(at)
	for e := range s.events {
		if strings.HasPrefix(e, "missed ") {
			break
		}
	}
	s.sh(s.write("after"))
	for e := range s.events {
		if e == "modified /after" {
			return
		}
	}
	t.Error("it ended")
}

// TestMovedDeep: directories that are moved into each other while they are watched get
// deeper than any path.
func TestMovedDeep(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir, "/", true, 100)
	long, top := strings.Repeat("n", 250), "first"
	s.sh(s.mkdir(top))
	s.next(1)
	for i := range 40 {
		outer := fmt.Sprintf("%s%d", long, i)
		s.sh(s.mkdir(outer), s.write("then"), s.remove("then"))
		s.next(4) // so the new directory is watched
		s.sh(s.move(top, outer+"/"+top))
		require.Equal(t, []string{"moved /" + outer + "/" + top + "/ from /" + top}, s.next(1))
		top = outer
	}
	at, err := unix.Open(s.at(top), unix.O_PATH|unix.O_DIRECTORY, 0)
	require.NoError(t, err)
	for i := range 20 {
		below, err := unix.Openat(at, fmt.Sprintf("%s%d", long, 38-i), unix.O_PATH|unix.O_DIRECTORY, 0)
		require.NoError(t, err)
		unix.Close(at)
		at = below
	}
	defer unix.Close(at)
	require.NoError(t, unix.Mkdirat(at, "deep", 0o700)) // no path leads there
	require.Equal(t, []string{"missed /" + top + "/"}, s.next(1))
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), nil, 0o600))
	require.NoError(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	root, err := os.Open(dir)
	require.NoError(t, err)
	defer root.Close()
	for path, want := range map[string]error{
		"/missing": vzcontract.ErrNotFound, "/f/": vzcontract.ErrValidation, "/f/x": vzcontract.ErrValidation, "/loop": vzcontract.ErrValidation,
	} {
		err := Watch(t.Context(), Options{Root: root, Path: path}, func(vzcontract.FileEvent) error { return nil })
		require.ErrorIs(t, err, want, path)
	}
	enough := errors.New("enough")
	err = Watch(t.Context(), Options{Root: root, Path: "/"}, func(vzcontract.FileEvent) error { return enough })
	require.ErrorIs(t, err, enough)
}

// TestSecondHalfLater: a move whose halves came with two reads leaves a deadline behind,
// which then tells nothing.
func TestSecondHalfLater(t *testing.T) {
	in, out, err := os.Pipe()
	require.NoError(t, err)
	defer in.Close()
	defer out.Close()
	top := &node{wd: 1}
	written := make([]byte, unix.SizeofInotifyEvent+16)
	binary.NativeEndian.PutUint32(written, 1)
	binary.NativeEndian.PutUint32(written[4:], unix.IN_CLOSE_WRITE)
	binary.NativeEndian.PutUint32(written[12:], 16)
	copy(written[unix.SizeofInotifyEvent:], "f")
	_, err = out.Write(written)
	require.NoError(t, err)
	require.NoError(t, in.SetReadDeadline(time.Now().Add(-time.Second)))
	told := errors.New("told")
	w := &watcher{base: "/w", top: top, nodes: map[int]*node{1: top}, emit: func(e vzcontract.FileEvent) error {
		require.Equal(t, vzcontract.FileEvent{Kind: vzcontract.FileModified, Path: "/w/f"}, e)
		return told
	}}
	require.ErrorIs(t, w.read(t.Context(), in), told)
}
