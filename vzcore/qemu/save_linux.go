package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzcore/internal/sparse"
)

// The files of a saved machine. The memory is a sparse file with the guest's memory as
// it was, of which each restored machine gets a copy: that is much faster than reading
// it from a stream, and the devices alone are quick to load.
const (
	stateFile  = "state" // the devices
	memoryFile = "memory"
	clockFile  = "clock" // of an emulated guest whose clock is the host's: kHz
)

// Save implements vzcore.Saver. QEMU does not save while a device is served by
// another process, so shares must be gone; the vsock device goes by itself and
// comes again with Resume.
func (m *machine) Save(ctx context.Context, dir string) (err error) {
	r, err := m.present()
	if err != nil {
		return err
	}
	r.mu.Lock()
	plugged := len(r.shares)
	r.mu.Unlock()
	if plugged > 0 {
		return vzcontract.Errorf(vzcontract.ErrConflict, "shares are plugged: unmount and unplug them first")
	}
	// The guest must run to let a device go.
	if err := r.qmp.Do(ctx, "cont", nil, nil); err != nil {
		return err
	}
	if err := m.unplug(ctx, r); err != nil {
		return err
	}
	if err := r.qmp.Do(ctx, "stop", nil, nil); err != nil {
		return err
	}
	f, err := create(dir, stateFile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := r.stream(ctx, "migrate", func(c *net.UnixConn) error { _, err := io.Copy(f, c); return err }); err != nil {
		return err
	}
	if r.rate > 0 {
		if err := os.WriteFile(filepath.Join(dir, clockFile), []byte(strconv.Itoa(r.rate)), 0o600); err != nil {
			return err
		}
	}
	memory, err := create(dir, memoryFile)
	if err != nil {
		return err
	}
	return errors.Join(sparse.Copy(memory, r.memory), memory.Close())
}

func create(dir, name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

// Restore implements vzcore.Saver.
func (m *machine) Restore(ctx context.Context, dir string) (<-chan error, error) {
	if err := m.sameClock(dir); err != nil {
		return nil, err
	}
	state, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return nil, err
	}
	memory, err := os.Open(filepath.Join(dir, memoryFile))
	if err != nil {
		return nil, err
	}
	defer memory.Close()
	r, exited, err := m.launch(ctx, func(to *os.File) error { return sparse.Copy(to, memory) })
	if err != nil {
		return nil, err
	}
	err = r.stream(ctx, "migrate-incoming", func(c *net.UnixConn) error {
		_, _ = c.Write(state) // QEMU says whether it had enough
		_ = c.CloseWrite()
		return nil
	})
	if err != nil {
		select {
		case <-r.process.done:
			err = errors.Join(err, r.process.failure())
		default:
		}
		m.end(r)
		return nil, err
	}
	if err := m.plugAll(ctx, r); err != nil {
		m.end(r)
		return nil, err
	}
	return exited, nil
}

// sameClock compares the host's clock with the one that a saved guest counts by.
func (m *machine) sameClock(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, clockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	saved, err := strconv.Atoi(string(text))
	if err != nil {
		return fmt.Errorf("%w: %s: %v", vzcore.ErrDamaged, filepath.Join(dir, clockFile), err)
	}
	if here := tickRate(); here < saved-saved/1000 || here > saved+saved/1000 {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the saved machine differs: its host's time stamp counter ran at %d kHz, here at %d", saved, here)
	}
	return nil
}

// stream does a migration and calls carry with the other end of what QEMU writes to or reads
// from: a socket, since files that are given so are not for long (deprecated in QEMU 9.1).
func (r *run) stream(ctx context.Context, command string, carry func(*net.UnixConn) error) error {
	ours, theirs, err := pair(unix.SOCK_STREAM)
	if err != nil {
		return err
	}
	defer ours.Close()
	err = r.qmp.Do(ctx, "getfd", map[string]any{"fdname": "state"}, nil, theirs)
	if err = errors.Join(err, theirs.Close()); err != nil {
		return err
	}
	carried := make(chan error, 1)
	go func() {
		err := carry(ours)
		if err != nil { // a full disk: QEMU shall not wait
			_ = ours.Close()
		}
		carried <- err
	}()
	if err := r.migrate(ctx, command, map[string]any{"uri": "fd:state"}); err != nil {
		select {
		case cause := <-carried:
			return errors.Join(cause, err)
		default:
		}
		_ = ours.Close()
		<-carried
		return err
	}
	return <-carried
}

// migrate starts a migration and waits for its end.
func (r *run) migrate(ctx context.Context, command string, arguments map[string]any) error {
	events, stop := r.qmp.Watch("MIGRATION")
	defer stop()
	// The guest's memory is a file that both sides have.
	capabilities := map[string]any{"capabilities": []any{
		map[string]any{"capability": "events", "state": true}, map[string]any{"capability": "x-ignore-shared", "state": true},
	}}
	if err := r.qmp.Do(ctx, "migrate-set-capabilities", capabilities, nil); err != nil {
		return err
	}
	if err := r.qmp.Do(ctx, command, arguments, nil); err != nil {
		return err
	}
	for {
		select {
		case e := <-events:
			var data struct{ Status string }
			if err := json.Unmarshal(e.Data, &data); err != nil {
				return err
			}
			switch data.Status {
			case "completed":
				return nil
			case "failed", "cancelled":
				return r.migrationFailure(ctx, data.Status)
			}
		case <-r.qmp.Done():
			return errors.New("the machine ended during the migration")
		case <-ctx.Done():
			_ = r.qmp.Do(context.WithoutCancel(ctx), "migrate_cancel", nil, nil)
			return ctx.Err()
		}
	}
}

func (r *run) migrationFailure(ctx context.Context, status string) error {
	var info struct {
		Desc string `json:"error-desc"`
	}
	if err := r.qmp.Do(ctx, "query-migrate", nil, &info); err != nil || info.Desc == "" {
		return fmt.Errorf("the migration has %s", status)
	}
	return fmt.Errorf("the migration has %s: %s", status, info.Desc)
}
