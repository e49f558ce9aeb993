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
	w, err := logfile.Create(logfile.Options{Path: m.cfg.LogPath, MaxSize: cfg.MaxSize, MaxFiles: cfg.MaxFiles})
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	m.log = w
	m.logs = stream.Logs{Stdout: w.Stream("stdout"), Stderr: w.Stream("stderr")}
	return nil
}
