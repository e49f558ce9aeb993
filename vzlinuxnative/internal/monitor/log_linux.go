package monitor

import (
	"fmt"
	"os"
	"path/filepath"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/logfile"
	"vz.internal/vzlinuxnative/internal/stream"
)

// openLog opens the log, once for all runs.
func (m *monitor) openLog(cfg vzcontract.LogConfig) error {
	if m.cfg.LogPath == "" || m.log != nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(m.cfg.LogPath), 0o700); err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	w, err := logfile.Create(logOptions(m.cfg.LogPath, cfg))
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	m.log = w
	m.logs = stream.Logs{Stdout: w.Stream("stdout"), Stderr: w.Stream("stderr")}
	return nil
}

// logOptions bounds the log of a container for which nobody chose anything, so
// that one that writes without end does not fill the host's disk.
func logOptions(path string, cfg vzcontract.LogConfig) logfile.Options {
	o := logfile.Options{Path: path, MaxSize: cfg.MaxSize, MaxFiles: cfg.MaxFiles}
	if cfg.Driver == "" && o.MaxSize == 0 {
		o.MaxSize, o.MaxFiles = 256<<20, 4
	}
	return o
}
