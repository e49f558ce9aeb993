package vzstack

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// LogsOptions of Logs.
type LogsOptions struct {
	Services []string
	// Index picks one replica; 0 is all.
	Index        int
	Follow       bool
	Tail         int // lines of each container from the end; negative is all
	Since, Until time.Time
}

// Logs gives what the project's containers have written, in the order of time
// over all of them, and with Follow goes on until they have ended.
func (s *Stack) Logs(ctx context.Context, project string, opts LogsOptions, emit func(Line) error) error {
	all, err := s.Containers(ctx, project)
	if err != nil {
		return err
	}
	var chosen []plan.Container
	for _, c := range pick(all, opts.Services) {
		if !c.OneOff && (opts.Index == 0 || c.Number == opts.Index) {
			chosen = append(chosen, c)
		}
	}
	now := time.Now()
	until := opts.Until
	if opts.Follow && until.IsZero() {
		until = now
	}
	last, err := s.history(ctx, chosen, vzcontract.LogOptions{Tail: opts.Tail, Since: opts.Since, Until: until}, emit)
	if err != nil || !opts.Follow {
		return err
	}
	f := s.Follow(ctx, emit, nil)
	defer f.Close()
	f.AddNew(project, func(c plan.Container) bool {
		return !c.OneOff && (len(opts.Services) == 0 || slices.Contains(opts.Services, c.Service)) && (opts.Index == 0 || c.Number == opts.Index)
	})
	for _, c := range chosen {
		from := vzcontract.LogOptions{Tail: -1, Since: now, Until: opts.Until}
		if t, ok := last[c.ID]; ok && t.After(now) {
			from.Since = t.Add(1)
		}
		if !c.Running() {
			continue
		}
		if err := f.Add(c.ID, from); err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
			return err
		}
	}
	return f.Wait()
}

// history merges the logs by time and returns the time of each one's last line.
func (s *Stack) history(ctx context.Context, chosen []plan.Container, opts vzcontract.LogOptions, emit func(Line) error) (map[string]time.Time, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	streams := make([]*logStream, len(chosen))
	for i, c := range chosen {
		streams[i] = s.stream(ctx, c, opts)
	}
	last := map[string]time.Time{}
	for {
		first := -1
		for i, st := range streams {
			if st.fill() && (first < 0 || st.head.Time.Before(streams[first].head.Time)) {
				first = i
			}
			if st.err != nil {
				return last, st.err
			}
		}
		if first < 0 {
			return last, nil
		}
		line := *streams[first].head
		streams[first].head = nil
		last[line.Container.ID] = line.Time
		if err := emit(line); err != nil {
			return last, err
		}
	}
}

// A logStream is one container's log, a line at a time.
type logStream struct {
	lines chan Line
	head  *Line
	err   error // valid when lines is closed
	final error
}

func (s *Stack) stream(ctx context.Context, c plan.Container, opts vzcontract.LogOptions) *logStream {
	st := &logStream{lines: make(chan Line, 64)}
	go func() {
		defer close(st.lines)
		buffer := &lineBuffer{container: c, emit: func(l Line) error {
			l.Text = bytes.Clone(l.Text)
			select {
			case st.lines <- l:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}}
		err := s.cfg.Backend.Logs(ctx, c.ID, opts, buffer.entry)
		if err == nil {
			err = buffer.flush()
		}
		if !errors.Is(err, vzcontract.ErrNotFound) {
			st.final = err
		}
	}()
	return st
}

// fill reads the next line where there is none and reports whether there is one.
func (st *logStream) fill() bool {
	if st.head == nil {
		line, ok := <-st.lines
		if !ok {
			st.err = st.final
			return false
		}
		st.head = &line
	}
	return true
}
