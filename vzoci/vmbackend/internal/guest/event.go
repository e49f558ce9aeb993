package guest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
)

// What is kept of events: the newest file, and the one before it.
const (
	eventsFile   = "events"
	maxEvents    = 4 << 20 // bytes of one file
	listenersDir = "listeners"
)

// Emit notes an event and wakes those who follow. The caller need not hold a lock:
// a line is written as a whole.
func (s Store) Emit(e vzcontract.Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.Home, 0o700); err != nil {
		return err
	}
	path := filepath.Join(s.Home, eventsFile)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	info, statErr := f.Stat()
	if err = errors.Join(err, statErr, f.Close()); err != nil {
		return err
	}
	if info.Size() > maxEvents {
		if err := os.Rename(path, path+".1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	s.wake()
	return nil
}

// wake sends a datagram to each that follows. One that is gone is removed.
func (s Store) wake() {
	found, err := os.ReadDir(filepath.Join(s.Run, listenersDir))
	if err != nil {
		return // nobody has ever followed
	}
	for _, l := range found {
		path := filepath.Join(s.Run, listenersDir, l.Name())
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
		if err != nil {
			_ = os.Remove(path)
			continue
		}
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second)) // a full queue wakes as well
		_, _ = conn.Write([]byte{1})
		_ = conn.Close()
	}
}

// Events calls emit for each event since opts.Since, in the order in which they were
// noted, until opts.Until or ctx's end.
func (s Store) Events(ctx context.Context, opts vzcontract.EventOptions, emit func(vzcontract.Event) error) error {
	since := opts.Since
	if since.IsZero() {
		since = time.Now()
	}
	woken, stop, err := s.listen()
	if err != nil {
		return err
	}
	defer stop()
	var until <-chan time.Time
	if !opts.Until.IsZero() {
		timer := time.NewTimer(time.Until(opts.Until))
		defer timer.Stop()
		until = timer.C
	}
	r := &eventReader{path: filepath.Join(s.Home, eventsFile)}
	defer r.close()
	take := func(e vzcontract.Event) error {
		if e.Time.Before(since) || !opts.Until.IsZero() && e.Time.After(opts.Until) {
			return nil
		}
		return emit(e)
	}
	if err := r.older(take); err != nil {
		return err
	}
	for {
		if err := r.read(take); err != nil {
			return err
		}
		select {
		case <-woken:
		case <-until:
			return r.read(take)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// listen makes the socket at which Emit wakes this follower.
func (s Store) listen() (woken <-chan struct{}, stop func(), err error) {
	dir := filepath.Join(s.Run, listenersDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	path := filepath.Join(dir, string(NewID())[:16])
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, nil, err
	}
	wakes := make(chan struct{}, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var b [1]byte
		for {
			if _, err := conn.Read(b[:]); err != nil {
				return
			}
			select {
			case wakes <- struct{}{}:
			default:
			}
		}
	}()
	return wakes, func() {
		_ = conn.Close()
		<-ended
		_ = os.Remove(path)
	}, nil
}

// An eventReader reads a file of events that grows and is replaced.
type eventReader struct {
	path string
	file *os.File
	rest []byte // of a line that was not complete
}

func (r *eventReader) close() {
	if r.file != nil {
		_ = r.file.Close()
	}
}

// older reads the file before the newest.
func (r *eventReader) older(take func(vzcontract.Event) error) error {
	f, err := statefile.Open(r.path + ".1")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxEvents)
	for lines.Scan() {
		if err := event(lines.Bytes(), take); err != nil {
			return err
		}
	}
	return lines.Err()
}

// read reads what has come since the last time.
func (r *eventReader) read(take func(vzcontract.Event) error) error {
	for {
		if r.file == nil {
			f, err := statefile.Open(r.path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			r.file, r.rest = f, nil
		}
		more, err := io.ReadAll(r.file)
		if err != nil {
			return err
		}
		r.rest = append(r.rest, more...)
		for {
			line, rest, whole := bytes.Cut(r.rest, []byte{'\n'})
			if !whole {
				break
			}
			r.rest = rest
			if err := event(line, take); err != nil {
				return err
			}
		}
		if !r.replaced() {
			return nil
		}
		_ = r.file.Close()
		r.file = nil
	}
}

// replaced tells whether the file has another one in its place.
func (r *eventReader) replaced() bool {
	now, err := os.Stat(r.path)
	if err != nil {
		return false // between the two
	}
	open, err := r.file.Stat()
	return err == nil && !os.SameFile(now, open)
}

// event takes one line. One that is damaged is none.
func event(line []byte, take func(vzcontract.Event) error) error {
	var e vzcontract.Event
	if json.Unmarshal(line, &e) != nil {
		return nil
	}
	return take(e)
}
