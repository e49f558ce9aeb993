package registrytest

import (
	"bytes"
	"io"
	"net/http"
)

// limited passes on the first bytes.
type limited struct {
	http.ResponseWriter
	left int64
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(int64(len(p)), l.left)
	l.left -= n
	if n > 0 {
		if _, err := l.ResponseWriter.Write(p[:n]); err != nil {
			return 0, err
		}
		if f, ok := l.ResponseWriter.(http.Flusher); ok && l.left == 0 {
			f.Flush()
		}
	}
	if l.left == 0 {
		return len(p), io.ErrShortWrite
	}
	return len(p), nil
}

// shortBody ends after some bytes as if the client had sent no more.
type shortBody struct {
	io.ReadCloser
	left int64
}

func (b *shortBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

type corrupting struct {
	http.ResponseWriter
	done bool
}

func (c *corrupting) Write(p []byte) (int, error) {
	if !c.done && len(p) > 0 {
		p = bytes.Clone(p)
		p[0] ^= 0xff
		c.done = true
	}
	return c.ResponseWriter.Write(p)
}

// rewritten changes the header at the last moment before it is sent.
type rewritten struct {
	http.ResponseWriter
	change func(http.Header)
	sent   bool
}

func (w *rewritten) WriteHeader(status int) {
	w.sent = true
	w.change(w.Header())
	w.ResponseWriter.WriteHeader(status)
}

func (w *rewritten) Write(p []byte) (int, error) {
	if !w.sent {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

func noLength(h http.Header) { h.Del("Content-Length") }

type holding struct {
	http.ResponseWriter
	left int64
	stop func()
	held bool
}

func (h *holding) Write(p []byte) (int, error) {
	written := 0
	if !h.held {
		n := min(int64(len(p)), h.left)
		if _, err := h.ResponseWriter.Write(p[:n]); err != nil {
			return 0, err
		}
		written, h.left = int(n), h.left-n
		if h.left > 0 {
			return written, nil
		}
		h.held = true
		h.stop()
	}
	n, err := h.ResponseWriter.Write(p[written:])
	return written + n, err
}
