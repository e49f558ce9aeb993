package pull

import (
	"context"
	"hash"
	"io"
)

const (
	bufferSize  = 512 << 10
	bufferCount = 4
)

// A pipe hands buffers from one stage to the next without copying them. There
// is one writer and one reader; the end of ctx frees both.
type pipe struct {
	ctx  context.Context //nolint:containedctx // a pipe lives as long as the stages' group
	sent chan []byte     // what was sent and is not yet hashed; full itself where nothing is
	full chan []byte
	free chan []byte

	// Of the reader.
	rest []byte // of the buffer in hand
	held []byte
	err  error

	last error // set before full is closed
}

// newPipe returns a pipe. If sum is not nil, all that passes is written to it
// in a goroutine of its own, and complete when the reader has seen the end.
func newPipe(ctx context.Context, sum hash.Hash) *pipe {
	p := &pipe{ctx: ctx, full: make(chan []byte, bufferCount), free: make(chan []byte, bufferCount)}
	for range bufferCount {
		p.free <- nil // made when first used: small layers need one
	}
	p.sent = p.full
	if sum != nil {
		p.sent = make(chan []byte, bufferCount)
		go p.hash(sum)
	}
	return p
}

// hash passes on what was sent. It ends when the writer closes the pipe and
// never blocks before that but for new buffers.
func (p *pipe) hash(sum hash.Hash) {
	for b := range p.sent {
		sum.Write(b)
		p.full <- b
	}
	close(p.full)
}

// buffer returns an empty buffer to fill and send.
func (p *pipe) buffer() ([]byte, error) {
	select {
	case b := <-p.free:
		if b == nil {
			b = make([]byte, bufferSize)
		}
		return b[:bufferSize], nil
	case <-p.ctx.Done():
		return nil, p.ctx.Err()
	}
}

// send gives a buffer to the reader. It does not block: there are no more
// buffers than places.
func (p *pipe) send(b []byte) { p.sent <- b }

// closeWith ends the stream; the reader sees err, or io.EOF for nil.
func (p *pipe) closeWith(err error) {
	if err == nil {
		err = io.EOF
	}
	p.last = err
	close(p.sent)
}

// Read implements io.Reader.
func (p *pipe) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		if err := p.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo: buffers go to w as they are.
func (p *pipe) WriteTo(w io.Writer) (written int64, err error) {
	for {
		if len(p.rest) == 0 {
			if err := p.next(); err == io.EOF {
				return written, nil
			} else if err != nil {
				return written, err
			}
		}
		n, err := w.Write(p.rest)
		written += int64(n)
		p.rest = p.rest[n:]
		if err != nil {
			return written, err
		}
	}
}

func (p *pipe) next() error {
	if p.err != nil {
		return p.err
	}
	if p.held != nil {
		p.free <- p.held
		p.held = nil
	}
	select {
	case b, ok := <-p.full:
		if !ok {
			p.err = p.last
			return p.err
		}
		p.held, p.rest = b, b
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// fill copies r into the pipe, in whole buffers, and closes it.
func (p *pipe) fill(r io.Reader) error {
	for {
		b, err := p.buffer()
		if err != nil {
			p.closeWith(err)
			return err
		}
		n, err := io.ReadFull(r, b)
		if n > 0 {
			p.send(b[:n])
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			// ReadFull's own word for "less than a buffer"; a decompressor's
			// truncated input is told apart by decompressed.
			p.closeWith(nil)
			return nil
		default:
			p.closeWith(err)
			return err
		}
	}
}
