package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract/statefile"
	"vz.internal/vzoci/internal/pull"
)

// A Session adds to the store; it is a [pull.Store]. Whatever it was asked for
// stays until the session ends, or for good by [Session.Publish]. It is safe for
// concurrent use.
type Session struct {
	store *Store
	dir   string
	lock  *lock

	mu     sync.Mutex
	marked map[string]bool // guarded by mu; class and digest
	notes  []string        // guarded by mu; of what is not synced
}

var _ pull.Store = (*Session)(nil)

// fileMarks is the session's lock and lists, one a line, what it uses.
const fileMarks = "marks"

// Begin starts a session. It ends with Close, or with its process.
func (s *Store) Begin(ctx context.Context) (*Session, error) {
	release, err := s.guard(ctx, shared)
	if err != nil {
		return nil, explain(err)
	}
	defer release()
	dir, err := os.MkdirTemp(s.path(dirSessions), "")
	if err != nil {
		return nil, explain(err)
	}
	l, err := tryLock(dir+"/"+fileMarks, exclusive)
	if err != nil {
		return nil, explain(errors.Join(err, os.RemoveAll(dir)))
	}
	return &Session{store: s, dir: dir, lock: l, marked: map[string]bool{}}, nil
}

// Close ends the session and removes what it did not finish.
func (t *Session) Close() error {
	defer t.lock.release() // last, so that a sweep leaves the directory alone
	return removeTree(t.dir)
}

// mark keeps an object from being swept. It must come before any look for the
// object.
func (t *Session) mark(ctx context.Context, class string, d v1.Hash) error {
	if !valid(d) {
		return fmt.Errorf("%s is not a sha256 digest", d)
	}
	key := class + "-" + d.Hex
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.marked[key] {
		return nil
	}
	release, err := t.store.guard(ctx, shared)
	if err != nil {
		return err
	}
	defer release()
	if _, err := t.lock.f.WriteString(key + "\n"); err != nil {
		return err
	}
	t.marked[key] = true
	return nil
}

// note notes an object that is about to appear.
func (t *Session) note(class string, d v1.Hash) error {
	if err := t.store.note(class, d); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = append(t.notes, t.store.notePath(class, d))
	return nil
}

// use is what Has and HasLayer share: mark, look, and take over the note of
// another session, as this one's sync makes the object durable too.
func (t *Session) use(class string, d v1.Hash, path string) bool {
	if err := t.mark(context.Background(), class, d); err != nil {
		return false // making it will tell
	}
	if !exists(path) {
		return false
	}
	if suspect, err := t.store.suspect(class, d); suspect || err != nil {
		return false
	}
	if note := t.store.notePath(class, d); exists(note) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if !slices.Contains(t.notes, note) {
			t.notes = append(t.notes, note)
		}
	}
	return true
}

// Has implements [pull.Store].
func (t *Session) Has(d v1.Hash) bool { return t.use(classBlob, d, t.store.blobPath(d)) }

// HasLayer implements [pull.Store].
func (t *Session) HasLayer(chain v1.Hash) bool {
	return t.use(classLayer, chain, t.store.path(dirLayers, chain.Hex))
}

// OpenBlob implements [pull.Store].
func (t *Session) OpenBlob(d v1.Hash) (*os.File, error) { return t.store.OpenBlob(d) }

// liveMarks returns what sessions that run use. The guard must be held
// exclusively; dead sessions are passed to dead.
func (s *Store) liveMarks(dead func(path string) error) (map[string]bool, error) {
	entries, err := os.ReadDir(s.path(dirSessions))
	if err != nil {
		return nil, err
	}
	marks := map[string]bool{}
	for _, e := range entries {
		path := s.path(dirSessions, e.Name())
		l, err := lockExisting(path + "/" + fileMarks)
		switch {
		case notExist(err): // killed, or closed, in the middle of the removal
			err = dead(path)
		case err == nil:
			err = dead(path)
			l.release()
		}
		switch {
		case err == nil:
		case errors.Is(err, errHeld):
			data, err := statefile.Read(path + "/" + fileMarks)
			if err != nil && !notExist(err) {
				return nil, err
			}
			for line := range strings.SplitSeq(string(data), "\n") {
				marks[line] = true
			}
		default:
			return nil, err
		}
	}
	return marks, nil
}
