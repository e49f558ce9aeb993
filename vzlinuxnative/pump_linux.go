package vzlinuxnative

import (
	"context"
	"io"
	"os"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/wire"
)

// pumps carry the caller's streams to and from the files that the monitor
// gets. An *os.File needs none: the monitor gets it as it is.
type pumps struct {
	files   []*os.File // for the monitor
	pipes   []*os.File // those of files that we made
	ours    []*os.File // our ends
	starts  []func()
	outputs sync.WaitGroup
}

// open makes the files of stdio and says in m which there are.
func (p *pumps) open(stdio vzcontract.Stdio, m *wire.Message) error {
	m.Streams = &wire.Streams{In: stdio.In != nil, Out: stdio.Out != nil, Err: stdio.Err != nil}
	if stdio.In != nil {
		if err := p.input(stdio.In); err != nil {
			return err
		}
	}
	for _, w := range []io.Writer{stdio.Out, stdio.Err} {
		if w == nil {
			continue
		}
		if err := p.output(w); err != nil {
			return err
		}
	}
	return nil
}

func (p *pumps) input(from io.Reader) error {
	if f, ok := from.(*os.File); ok {
		p.files = append(p.files, f)
		return nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		p.abort()
		return err
	}
	p.add(r, w)
	p.starts = append(p.starts, func() {
		// It ends when the reader does, which cannot be interrupted, or
		// when nobody listens any more.
		go func() {
			_, _ = io.Copy(onlyWriter{w}, from) // what the workload did not read is its own affair
			w.Close()
		}()
	})
	return nil
}

// onlyWriter keeps io.Copy from the ways of *os.File that read ahead.
type onlyWriter struct{ io.Writer }

func (p *pumps) output(to io.Writer) error {
	if f, ok := to.(*os.File); ok {
		p.files = append(p.files, f)
		return nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		p.abort()
		return err
	}
	p.add(w, r)
	p.starts = append(p.starts, func() {
		p.outputs.Go(func() {
			_, _ = io.Copy(to, r) // a writer that fails wants no more
			r.Close()
		})
	})
	return nil
}

func (p *pumps) add(theirs, ours *os.File) {
	p.files = append(p.files, theirs)
	p.pipes = append(p.pipes, theirs)
	p.ours = append(p.ours, ours)
}

// sent closes what the monitor has now.
func (p *pumps) sent() {
	for _, f := range p.pipes {
		f.Close()
	}
	p.pipes, p.files = nil, nil
}

func (p *pumps) begin() {
	for _, start := range p.starts {
		start()
	}
	p.starts = nil
}

// wait returns when all output is with the caller.
func (p *pumps) wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() { p.outputs.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return contextError(ctx)
	}
}

// abort closes everything.
func (p *pumps) abort() {
	p.sent()
	for _, f := range p.ours {
		f.Close()
	}
}
