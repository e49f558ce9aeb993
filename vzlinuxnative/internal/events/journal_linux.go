// Package events keeps what happened, for every process that uses the backend:
// a journal of JSON lines that all of them append to and read.
package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/linefile"
)

// maxSize is when the journal begins anew; one older file is kept. That is
// some four thousand events at least.
const maxSize = 1 << 20

// A Journal is a directory with the journal's files. Its methods are safe for
// concurrent use by any number of processes.
type Journal struct{ dir string }

// Open returns the journal in dir, which it makes when it is missing.
func Open(dir string) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open events: %w", err)
	}
	return &Journal{dir: dir}, nil
}

func (j *Journal) path() string { return filepath.Join(j.dir, "journal") }

// Append adds an event and gives it its time: events are in the journal in the
// order of their times.
func (j *Journal) Append(e vzcontract.Event) error {
	lock, err := os.OpenFile(filepath.Join(j.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("note event: %w", err)
	}
	defer lock.Close()
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		err = unix.Flock(int(lock.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		return fmt.Errorf("note event: lock: %w", err)
	}
	e.Time = time.Now()
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("note event: %w", err)
	}
	w, err := linefile.Create(linefile.Options{Path: j.path(), MaxSize: maxSize, MaxFiles: 2})
	if err != nil {
		return fmt.Errorf("note event: %w", err)
	}
	if err := errors.Join(w.Write(append(line, '\n')), w.Close()); err != nil {
		return fmt.Errorf("note event: %w", err)
	}
	return nil
}

var errUntil = errors.New("end of the wanted time")

// Read calls emit for each event since opts.Since (zero is from now on), then
// as they happen until opts.Until or ctx's end.
func (j *Journal) Read(ctx context.Context, opts vzcontract.EventOptions, emit func(vzcontract.Event) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	caller := ctx
	if !opts.Until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, opts.Until, errUntil)
		defer cancel()
	}
	r, err := linefile.Open(j.path(), true)
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	defer r.Close()
	if opts.Since.IsZero() {
		if err := r.Tail(0, func([]byte) bool { return true }); err != nil {
			return fmt.Errorf("read events: %w", err)
		}
	}
	var ended chan struct{}
	for {
		line, err := r.Next(ctx, ended)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && ended == nil && errors.Is(context.Cause(ctx), errUntil):
			// The time has come: what is there is read to its end.
			ctx, ended = caller, make(chan struct{})
			close(ended)
			continue
		case err != nil:
			return err
		}
		var e vzcontract.Event
		if json.Unmarshal(line, &e) != nil || e.Time.Before(opts.Since) {
			continue // a killed process's half of a line, or too early
		}
		if !opts.Until.IsZero() && e.Time.After(opts.Until) {
			return nil
		}
		if err := emit(e); err != nil {
			return err
		}
	}
}
