package unpack

import (
	"archive/tar"
	"context"
	"errors"
	"io"
)

// source keeps the error of the reader below apart from what archive/tar makes
// of it.
type source struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		s.err = err
		return 0, err
	}
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// explain words an error that came out of the tar reader.
func (s *source) explain(err error) error {
	switch {
	case s.err != nil:
		return s.err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return invalid("the archive is cut off")
	case errors.Is(err, tar.ErrHeader):
		return invalid("damaged or unknown header")
	case errors.Is(err, tar.ErrFieldTooLong):
		return invalid("a header is too long")
	}
	return invalid("read archive: %v", err)
}
