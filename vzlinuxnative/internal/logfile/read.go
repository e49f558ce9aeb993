//go:build linux

package logfile

import (
	"context"
	"errors"
	"io"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/linefile"
)

// Read calls emit for the entries of the log at path as vzcontract.Logger
// says. When following it ends after ended is closed, the writer having been
// closed before, or when the log's directory is removed, and then has read
// everything; with opts.Until also at that time. A log that is not there is an
// empty one. Damaged lines, such as the last one of a killed writer, are left
// out.
func Read(ctx context.Context, path string, opts vzcontract.LogOptions, ended <-chan struct{}, emit func(vzcontract.LogEntry) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if opts.Follow && !opts.Until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, opts.Until, errUntil)
		defer cancel()
	}
	r, err := linefile.Open(path, opts.Follow)
	if err != nil {
		return err
	}
	defer r.Close()
	var d decoder
	if opts.Tail >= 0 {
		err := r.Tail(opts.Tail, func(line []byte) bool {
			e, err := d.decode(line)
			return err == nil && wanted(e, opts)
		})
		if err != nil {
			return err
		}
	}
	for {
		line, err := r.Next(ctx, ended)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && errors.Is(context.Cause(ctx), errUntil):
			// The time came; what is there is read nevertheless.
			opts.Follow = false
			return rest(&d, r, opts, emit)
		case err != nil:
			return err
		}
		if err := emitLine(&d, line, opts, emit); err != nil {
			return err
		}
	}
}

var errUntil = errors.New("end of the wanted time")

// closed is a channel that says: it has ended.
var closed = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func rest(d *decoder, r *linefile.Reader, opts vzcontract.LogOptions, emit func(vzcontract.LogEntry) error) error {
	for {
		line, err := r.Next(context.Background(), closed)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if e, err := d.decode(line); err == nil && e.Time.After(opts.Until.Add(time.Second)) {
			return nil // what follows is not wanted, and may never end
		}
		if err := emitLine(d, line, opts, emit); err != nil {
			return err
		}
	}
}

func emitLine(d *decoder, line []byte, opts vzcontract.LogOptions, emit func(vzcontract.LogEntry) error) error {
	e, err := d.decode(line)
	if err != nil || !wanted(e, opts) {
		return nil // a line of nobody's
	}
	return emit(e)
}

func wanted(e vzcontract.LogEntry, opts vzcontract.LogOptions) bool {
	both := !opts.Stdout && !opts.Stderr
	switch {
	case !opts.Since.IsZero() && e.Time.Before(opts.Since), !opts.Until.IsZero() && e.Time.After(opts.Until):
		return false
	case e.Stream == "stdout":
		return both || opts.Stdout
	}
	return both || opts.Stderr
}
