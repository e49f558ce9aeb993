package devenv

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"vz.internal/vzcontract"
)

// maxLog bounds the log of a setup; what comes after is only shown.
const maxLog = 16 << 20

func (m *Manager) logFile(p Project) string { return filepath.Join(m.Home, "dev", p.Name()+".log") }

// Log returns what the last setup of the project wrote; the caller closes it.
// Where none ran, the error matches vzcontract.ErrNotFound.
func (m *Manager) Log(p Project) (io.ReadCloser, error) {
	f, err := os.Open(m.logFile(p))
	if errors.Is(err, os.ErrNotExist) {
		return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "%s has no environment yet; vz dev run makes it", p.Dir)
	}
	return f, err
}

// A setupLog is a file that takes no more than maxLog bytes.
type setupLog struct {
	*os.File
	left int
}

func openLog(file string) (*setupLog, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	return &setupLog{f, maxLog}, err
}

// Write implements io.Writer. It takes everything.
func (l *setupLog) Write(b []byte) (int, error) {
	keep := b[:min(len(b), l.left)]
	l.left -= len(keep)
	_, err := l.File.Write(keep)
	return len(b), err
}

// with writes to the log and to another writer, which may be nil.
func (l *setupLog) with(w io.Writer) io.Writer {
	if w == nil {
		return l
	}
	return io.MultiWriter(w, l)
}

func removeFile(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
