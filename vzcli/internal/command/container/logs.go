package container

import (
	"bufio"
	"io"
	"strconv"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

type logs struct {
	Container  string `arg:"" help:"Container."`
	Follow     bool   `short:"f" help:"Go on as more is written."`
	Tail       string `short:"n" default:"all" placeholder:"N" help:"Number of lines from the end, or all."`
	Since      string `placeholder:"TIME" help:"Only after a time (2026-01-02T15:04:05Z) or age (10m)."`
	Until      string `placeholder:"TIME" help:"Only before a time or age."`
	Timestamps bool   `short:"t" help:"Show when each line was written."`
	Details    bool   `help:"Show the container's labels with each line." hidden:""`
}

// Run implements command.Verb.
func (c *logs) Run(env *command.Env) error {
	if c.Details {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "--details: the log holds no attributes; see vz inspect for labels and environment")
	}
	opts := vzcontract.LogOptions{Follow: c.Follow, Tail: -1}
	if c.Tail != "all" {
		n, err := strconv.Atoi(c.Tail)
		if err != nil {
			return command.Usagef("--tail %s: want a number of lines or all", c.Tail)
		}
		opts.Tail = n
	}
	var err error
	now := time.Now()
	if opts.Since, err = command.ParseTime("since", c.Since, now); err != nil {
		return err
	}
	if opts.Until, err = command.ParseTime("until", c.Until, now); err != nil {
		return err
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	stdout, stderr := newLineWriter(env.Stdout, c), newLineWriter(env.Stderr, c)
	last := stdout
	err = s.Backend.Logs(env.Ctx, c.Container, opts, func(e vzcontract.LogEntry) error {
		w := stdout
		if e.Stream == "stderr" {
			w = stderr
		}
		if w != last { // keep the order of the two streams
			if err := last.Flush(); err != nil {
				return err
			}
			last = w
		}
		return w.entry(e)
	})
	if flushErr := last.Flush(); err == nil {
		err = flushErr
	}
	return err
}

// A lineWriter prints entries. With Follow it flushes when each line ends.
type lineWriter struct {
	*bufio.Writer
	follow, times, inLine bool
}

func newLineWriter(w io.Writer, c *logs) *lineWriter {
	return &lineWriter{Writer: bufio.NewWriterSize(w, 64<<10), follow: c.Follow, times: c.Timestamps}
}

func (w *lineWriter) entry(e vzcontract.LogEntry) error {
	if w.times && !w.inLine {
		if _, err := w.WriteString(e.Time.UTC().Format("2006-01-02T15:04:05.000000000Z") + " "); err != nil {
			return err
		}
	}
	if _, err := w.Write(e.Line); err != nil {
		return err
	}
	w.inLine = len(e.Line) > 0 && e.Line[len(e.Line)-1] != '\n'
	if w.follow {
		return w.Flush()
	}
	return nil
}
