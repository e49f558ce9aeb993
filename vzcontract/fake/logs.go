package fake

import (
	"context"

	"vz.internal/vzcontract"
)

// log keeps one line, and drops the oldest that rotation would have dropped.
// Only the container's own run calls it.
func (b *Backend) log(c *container, line logLine) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := b.st.Containers[c.Info.ID]; now != nil {
		c = now
	}
	c.Logs = append(c.Logs, line)
	if limit := c.Info.Config.Log.MaxSize; limit > 0 {
		limit *= int64(max(c.Info.Config.Log.MaxFiles, 1))
		var size int64
		for i := len(c.Logs) - 1; i >= 0; i-- {
			if size += int64(len(c.Logs[i].Line)); size > limit {
				c.Logs = append([]logLine(nil), c.Logs[i+1:]...)
				c.LogBase += i + 1
				break
			}
		}
	}
	b.touch()
}

// Logs implements vzcontract.Logger.
func (b *Backend) Logs(ctx context.Context, ref string, opts vzcontract.LogOptions, emit func(vzcontract.LogEntry) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var id string
	next := -1
	for {
		var lines []logLine
		ended := false
		err := b.await(ctx, func() (bool, error) {
			if id == "" {
				c, err := b.find("logs", ref)
				if err != nil {
					return true, err
				}
				if c.Info.Config.Log.Driver == "none" {
					return true, failure("logs", c, vzcontract.ErrUnsupported, "its log driver is none, so nothing was kept")
				}
				id = c.Info.ID
			}
			c := b.st.Containers[id]
			if c == nil {
				ended = true
				return true, nil
			}
			if next < 0 {
				next = c.LogBase + tailStart(c.Logs, opts)
			}
			next = max(next, c.LogBase)
			lines = append(lines, c.Logs[next-c.LogBase:]...)
			next = c.LogBase + len(c.Logs)
			ended = !opts.Follow || c.down(b) && !c.Info.Restarting
			return ended || len(lines) > 0, nil
		})
		if err != nil {
			return err
		}
		for _, line := range lines {
			if !wanted(line, opts) {
				continue
			}
			if err := emit(vzcontract.LogEntry{Time: line.Time, Stream: line.Stream, Line: line.Line}); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if ended {
			return nil
		}
	}
}

// tailStart returns the index of the first line that the tail includes.
func tailStart(lines []logLine, opts vzcontract.LogOptions) int {
	if opts.Tail < 0 {
		return 0
	}
	left := opts.Tail
	for i := len(lines) - 1; i >= 0; i-- {
		if left == 0 {
			return i + 1
		}
		if wanted(lines[i], opts) {
			left--
		}
	}
	if left == 0 && len(lines) > 0 && opts.Tail == 0 {
		return len(lines)
	}
	return 0
}

func wanted(line logLine, opts vzcontract.LogOptions) bool {
	both := !opts.Stdout && !opts.Stderr
	switch {
	case !opts.Since.IsZero() && line.Time.Before(opts.Since),
		!opts.Until.IsZero() && line.Time.After(opts.Until):
		return false
	case line.Stream == "stdout":
		return both || opts.Stdout
	}
	return both || opts.Stderr
}
