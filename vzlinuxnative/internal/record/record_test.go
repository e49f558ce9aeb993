//go:build linux

package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

func testID(digit string) string { return strings.Repeat(digit, IDLength) }

func create(t *testing.T, s *Store, id, name string) {
	t.Helper()
	c := &Config{ID: id, CreatedAt: time.Now(), Run: vzcontract.RunConfig{Name: name, Rootfs: "/"}, Command: []string{"true"}}
	require.NoError(t, s.Create(c, &State{Name: name, State: vzcontract.StateCreated}, nil, nil))
}

func TestLife(t *testing.T) {
	s := New(t.TempDir())
	a, b := testID("a"), testID("b")
	create(t, s, a, "one")
	create(t, s, b, "two")
	err := s.Create(&Config{ID: testID("c")}, &State{Name: "one", State: vzcontract.StateCreated}, nil, nil)
	require.ErrorIs(t, err, vzcontract.ErrConflict)
	require.NoDirExists(t, s.Dir(testID("c")))

	for ref, want := range map[string]string{"one": a, a: a, "aaa": a, "two": b, "b": b} {
		got, err := s.Find(ref)
		require.NoError(t, err, ref)
		require.Equal(t, want, got, ref)
	}
	for _, ref := range []string{"", "three", "../x", "a/b", strings.Repeat("c", 64), "c"} {
		_, err := s.Find(ref)
		require.ErrorIs(t, err, vzcontract.ErrNotFound, ref)
	}
	create(t, s, "a"+strings.Repeat("0", 63), "aa")
	_, err = s.Find("a")
	require.ErrorIs(t, err, vzcontract.ErrValidation)
	got, err := s.Find("aa") // the name before the prefix
	require.NoError(t, err)
	require.Equal(t, "a"+strings.Repeat("0", 63), got)

	boom := errors.New("boom")
	_, err = s.Update(a, func(st *State) error { st.State = vzcontract.StateRunning; return boom })
	require.ErrorIs(t, err, boom)
	st, err := s.State(a)
	require.NoError(t, err)
	require.Equal(t, vzcontract.StateCreated, st.State)

	w, err := s.Watch(a)
	require.NoError(t, err)
	defer w.Close()
	exit := &vzcontract.ExitStatus{Code: 7}
	_, err = s.Update(a, func(st *State) error { st.State, st.LastExit = vzcontract.StateStopped, exit; return nil })
	require.NoError(t, err)
	require.NoError(t, s.Remove(a))
	require.Equal(t, *exit, w.Exit())
	for _, err := range []error{
		s.Remove(a), func() error { _, err := s.State(a); return err }(),
		func() error { _, err := s.Update(a, func(*State) error { return nil }); return err }(),
		func() error { _, err := s.Watch(a); return err }(),
	} {
		require.ErrorIs(t, err, vzcontract.ErrNotFound)
	}
	create(t, s, a, "one") // both are free again
	ids, err := s.IDs()
	require.NoError(t, err)
	require.Len(t, ids, 3)
}

// TestForget is a removal whose files are left for later.
func TestForget(t *testing.T) {
	s := New(t.TempDir())
	a, b := testID("a"), testID("b")
	create(t, s, a, "one")
	w, err := s.Watch(a)
	require.NoError(t, err)
	defer w.Close()
	exit := &vzcontract.ExitStatus{Code: 7}
	_, err = s.Update(a, func(st *State) error { st.LastExit = exit; return nil })
	require.NoError(t, err)
	require.NoError(t, s.Forget(a))
	require.Equal(t, *exit, w.Exit())
	require.DirExists(t, s.Dir(a))
	for _, ref := range []string{"one", a, "aaa"} {
		_, err := s.Find(ref)
		require.ErrorIs(t, err, vzcontract.ErrNotFound, ref)
	}
	create(t, s, b, "one") // the name is free
	require.NoError(t, s.Clear(a))
	require.NoDirExists(t, s.Dir(a))
	require.NoError(t, s.Clear(a), "again")
	got, err := s.Find("one")
	require.NoError(t, err)
	require.Equal(t, b, got, "the next one's name")

	require.NoError(t, s.Forget(b)) // nobody clears
	did, err := s.Sweep()
	require.NoError(t, err)
	require.Len(t, did, 1)
	require.NoDirExists(t, s.Dir(b))
}

func TestRename(t *testing.T) {
	s := New(t.TempDir())
	create(t, s, testID("a"), "one")
	create(t, s, testID("b"), "two")
	_, err := s.Rename(testID("a"), "two")
	require.ErrorIs(t, err, vzcontract.ErrConflict)
	old, err := s.Rename(testID("a"), "three")
	require.NoError(t, err)
	require.Equal(t, "one", old)
	_, err = s.Rename(testID("a"), "three")
	require.NoError(t, err)
	_, err = s.Find("one")
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
	create(t, s, testID("c"), "one")
}

// TestRenameCutShort is a rename that ended before, and one that ended after,
// the new name was written.
func TestRenameCutShort(t *testing.T) {
	for _, step := range []struct{ state, waste string }{{"old", "new"}, {"new", "old"}} {
		s := New(t.TempDir())
		create(t, s, testID("a"), step.state)
		require.NoError(t, os.Symlink(testID("a"), filepath.Join(s.names(), step.waste)))
		found, err := s.Verify()
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Contains(t, found[0], "the name "+step.waste+" is kept by a rename")
		did, err := s.Sweep()
		require.NoError(t, err)
		require.Equal(t, []string{"freed the name " + step.waste}, did)
		found, err = s.Verify()
		require.NoError(t, err)
		require.Empty(t, found)
		id, err := s.Find(step.state)
		require.NoError(t, err)
		require.Equal(t, testID("a"), id)
		create(t, s, testID("b"), step.waste)
	}
	// The same rename again goes on where the first ended.
	s := New(t.TempDir())
	create(t, s, testID("a"), "old")
	require.NoError(t, os.Symlink(testID("a"), filepath.Join(s.names(), "new")))
	_, err := s.Rename(testID("a"), "new")
	require.NoError(t, err)
	create(t, s, testID("b"), "old")
}

// TestOneNameForMany lets many take one name, and many change one record.
func TestOneNameForMany(t *testing.T) {
	s := New(t.TempDir())
	const many = 20
	var all sync.WaitGroup
	won := make(chan string, many)
	for i := range many {
		all.Go(func() {
			id := fmt.Sprintf("%064x", i)
			err := s.Create(&Config{ID: id}, &State{Name: "wanted", State: vzcontract.StateCreated}, nil, nil)
			if err == nil {
				won <- id
			} else if !errors.Is(err, vzcontract.ErrConflict) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.Len(t, won, 1)
	id := <-won
	for range many {
		all.Go(func() {
			_, err := s.Update(id, func(st *State) error { st.Exits++; return nil })
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	st, err := s.State(id)
	require.NoError(t, err)
	require.Equal(t, many, st.Exits)
}

// TestReadersSeeWholeRecords reads while others write.
func TestReadersSeeWholeRecords(t *testing.T) {
	s := New(t.TempDir())
	id := testID("a")
	create(t, s, id, "one")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 300 {
			_, err := s.Update(id, func(st *State) error { st.Error = strings.Repeat("x", i*10); return nil })
			if err != nil {
				t.Error(err)
			}
		}
	}()
	for {
		select {
		case <-done:
			return
		default:
		}
		_, err := s.State(id)
		require.NoError(t, err)
	}
}

func TestSweep(t *testing.T) {
	s := New(t.TempDir())
	create(t, s, testID("a"), "good")
	create(t, s, testID("b"), "no-state")
	create(t, s, testID("c"), "bad-config")
	create(t, s, testID("d"), "bad-state")
	create(t, s, testID("e"), "half")
	require.NoError(t, os.Remove(s.file(testID("b"), stateFile)))
	require.NoError(t, os.WriteFile(s.file(testID("c"), configFile), []byte("{"), 0o600))
	require.NoError(t, os.WriteFile(s.file(testID("d"), stateFile), []byte(`{"state":"odd"}`), 0o600))
	require.NoError(t, os.Remove(s.file(testID("e"), configFile)))
	for _, id := range []string{"b", "c", "d"} {
		_, err := s.load(testID(id))
		damaged := new(DamagedError)
		require.ErrorAs(t, err, &damaged)
		require.Contains(t, err.Error(), filepath.Join(s.containers(), testID(id)))
	}
	found, err := s.Verify()
	require.NoError(t, err)
	require.Len(t, found, 5, "four containers and one name: %q", found) // the others go when these have
	did, err := s.Sweep()
	require.NoError(t, err)
	require.Len(t, did, 8, "four containers and their names: %q", did)
	did, err = s.Sweep()
	require.NoError(t, err)
	require.Empty(t, did)
	moved, err := os.ReadDir(filepath.Join(s.home, "damaged"))
	require.NoError(t, err)
	require.Len(t, moved, 3)
	ids, err := s.IDs()
	require.NoError(t, err)
	require.Equal(t, []string{testID("a")}, ids)
	create(t, s, testID("e"), "half")
}

// TestAbandoned: a list clears away creations that were cut short, but not
// one that goes on.
func TestAbandoned(t *testing.T) {
	s := New(t.TempDir())
	create(t, s, testID("a"), "good")
	for _, id := range []string{"b", "c"} {
		require.NoError(t, os.Mkdir(s.Dir(testID(id)), 0o700))
	}
	require.NoError(t, os.WriteFile(s.file(testID("c"), lockFile), nil, 0o600))
	lock, err := s.begin(testID("d"))
	require.NoError(t, err)
	ids, err := s.IDs()
	require.NoError(t, err)
	require.Equal(t, []string{testID("a")}, ids)
	require.NoDirExists(t, s.Dir(testID("b")))
	require.NoDirExists(t, s.Dir(testID("c")))
	require.DirExists(t, s.Dir(testID("d")))

	require.NoError(t, lock.Close()) // as its death does
	_, err = s.IDs()
	require.NoError(t, err)
	require.NoDirExists(t, s.Dir(testID("d")))
}

func TestLeases(t *testing.T) {
	s := New(t.TempDir())
	c := &Config{ID: testID("a"), Run: vzcontract.RunConfig{Image: "x", Mounts: []vzcontract.Mount{
		{Type: vzcontract.MountTmpfs}, {Type: vzcontract.MountImage, Source: "y"},
	}}}
	want := []string{testID("a"), MountLease(testID("a"), 1)}
	require.Equal(t, want, Leases(c))
	require.NoError(t, s.Create(c, &State{Name: "one", State: vzcontract.StateCreated}, nil, nil))
	require.NoError(t, s.LeaveLeases(c))
	var ended []string
	end := func(owner string) error { ended = append(ended, owner); return nil }
	require.NoError(t, s.EndLeases(end))
	require.Empty(t, ended, "the container is still there")
	require.NoError(t, s.Remove(c.ID))
	require.NoError(t, s.EndLeases(end))
	require.Equal(t, want, ended)
	require.NoError(t, s.EndLeases(func(string) error { return errors.New("twice") }))
}

func TestAttachments(t *testing.T) {
	at := func(names ...string) []vzcontract.NetworkAttach {
		var list []vzcontract.NetworkAttach
		for _, n := range names {
			list = append(list, vzcontract.NetworkAttach{Network: n})
		}
		return list
	}
	for _, tt := range []struct {
		run  vzcontract.RunConfig
		st   State
		want []vzcontract.NetworkAttach
	}{
		{want: at("bridge")},
		{run: vzcontract.RunConfig{NetworkMode: "none"}},
		{run: vzcontract.RunConfig{NetworkMode: "host"}},
		{run: vzcontract.RunConfig{NetworkMode: "container:x"}},
		{run: vzcontract.RunConfig{NetworkMode: "net"}, want: at("net")},
		{run: vzcontract.RunConfig{Networks: at("a", "b")}, want: at("a", "b")},
		{run: vzcontract.RunConfig{NetworkMode: "b", Networks: at("a", "b")}, want: at("b", "a")},
		{st: State{Attach: at("more")}, want: at("bridge", "more")},
		{run: vzcontract.RunConfig{NetworkMode: "none"}, st: State{Attach: at("more")}, want: at("more")},
		{st: State{Attach: at("more"), Detach: []string{"bridge"}}, want: at("more")},
		{run: vzcontract.RunConfig{MACAddress: "02:00:00:00:00:01"}, want: []vzcontract.NetworkAttach{{Network: "bridge", MACAddress: "02:00:00:00:00:01"}}},
	} {
		got := Attachments(tt.run, &tt.st)
		if len(tt.want) == 0 {
			require.Empty(t, got)
			continue
		}
		require.Equal(t, tt.want, got)
	}
}
