package vzlinuxnative

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// maxMonitorLog is when a new log of monitors is begun. The one before it is
// kept.
const maxMonitorLog = 1 << 20

// monitorLog is where monitors write what should not happen.
func (b *Backend) monitorLog() string { return filepath.Join(b.opts.Run, "monitors.log") }

// openMonitorLog opens that file, a new one if it has grown large.
func openMonitorLog(file string) (*os.File, error) {
	open := func() (*os.File, error) {
		return os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND|syscall.O_NONBLOCK, 0o600) // a pipe is an error, not a wait
	}
	f, err := open()
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil || st.Size() < maxMonitorLog {
		return f, err
	}
	f.Close()
	now, err := os.Stat(file)
	if err == nil && os.SameFile(st, now) { // nobody else has begun a new one
		err = os.Rename(file, file+".1")
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return open()
}
