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
	full chan []byte
	free chan []byte

	// Of the reader.
	sum  hash.Hash // of all that was taken; may be nil
	rest []byte    // of the buffer in hand
	held []byte
	err  error

	last error // set before full is closed
}

func newPipe(ctx context.Context, sum hash.Hash) *pipe {
	p := &pipe{ctx: ctx, full: make(chan []byte, bufferCount), free: make(chan []byte, bufferCount), sum: sum}
	for range bufferCount {
		p.free <- nil // made when first used: small layers need one
	}
	return p
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
func (p *pipe) send(b []byte) { p.full <- b }

// closeWith ends the stream; the reader sees err, or io.EOF for nil.
func (p *pipe) closeWith(err error) {
	if err == nil {
		err = io.EOF
	}
	p.last = err
	close(p.full)
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
		if p.sum != nil {
			p.sum.Write(b)
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
