package vzsandbox

import (
	"context"
	"errors"
	"time"

	"vz.internal/vzcontract"
)

// Run runs a program to its end and returns what it wrote. That it fails is no error:
// see Result.Exit. A program that is not there is ErrNoSuchProgram, one that cannot be
// executed ErrCannotExec.
//
// When its time is over (ErrTimeout) or ctx ends, the program is killed with all that it
// started; the result then has what it wrote until then, beside the error.
func (s *Sandbox) Run(ctx context.Context, c Command) (Result, error) {
	if c.Detach {
		return Result{}, failure("run in", s.name, invalid("a detached program is not waited for: use Start"))
	}
	limit := c.OutputLimit
	if limit == 0 {
		limit = DefaultOutputLimit
	}
	stdout, stderr := &output{limit: limit}, &output{limit: limit}
	if c.Stdout == nil {
		c.Stdout = stdout
	}
	if c.Stderr == nil && !c.TTY {
		c.Stderr = stderr
	}
	began := time.Now()
	p, err := s.Start(ctx, c)
	if err != nil {
		return Result{}, err
	}
	exit, err := p.Wait(ctx)
	if err != nil && ctx.Err() != nil {
		exit = p.end(ctx)
	}
	err = errors.Join(err, p.Close())
	r := Result{Exit: exit, TimedOut: errors.Is(err, vzcontract.ErrTimeout), Took: time.Since(began)}
	r.Stdout, r.StdoutTruncated = stdout.take()
	r.Stderr, r.StderrTruncated = stderr.take()
	return r, err
}
