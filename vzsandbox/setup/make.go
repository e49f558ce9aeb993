package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"vz.internal/vzcontract"
)

// make runs the commands and keeps the outcome.
func (m *maker) make(ctx context.Context) (err error) {
	c, err := m.backend.Create(ctx, vzcontract.RunConfig{
		Name: "vz-setup-" + m.hash[:12], Image: m.Image, Platform: m.Platform, Pull: vzcontract.PullNever,
		Idle: true, Health: &vzcontract.HealthCheck{Test: []string{"NONE"}}, NetworkMode: "bridge", Labels: map[string]string{Label: m.hash},
	})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, m.remove(ctx, c.ID))
	}()
	if _, err := m.backend.Start(ctx, c.ID, vzcontract.StartOptions{}); err != nil {
		return err
	}
	out := &together{w: m.Output}
	for i, command := range m.Commands {
		m.step(i+1, command)
		if err := m.run(ctx, c.ID, i, out); err != nil {
			return err
		}
	}
	_, err = m.committer.Commit(ctx, c.ID, vzcontract.CommitOptions{
		Ref: m.ref(), Comment: "setup commands of vz", Changes: []string{"LABEL " + Label + "=" + m.hash},
	})
	return err
}

// run runs the command with index i and waits for its end.
func (m *maker) run(ctx context.Context, id string, i int, out io.Writer) error {
	s, err := m.backend.Exec(ctx, id, vzcontract.ExecConfig{
		Args: []string{"sh", "-c", m.Commands[i]}, Env: m.Env, User: m.User, Stdio: vzcontract.Stdio{Out: out, Err: out},
	})
	if errors.Is(err, vzcontract.ErrNoSuchProgram) || errors.Is(err, vzcontract.ErrCannotExec) {
		return vzcontract.Errorf(vzcontract.ErrValidation, "setup commands need sh, which image %s does not have: %v", m.Image, err)
	}
	if err != nil {
		return err
	}
	status, err := s.Wait(ctx)
	if err != nil {
		cancelled, end := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer end()
		return errors.Join(err, s.Cancel(cancelled), s.Close())
	}
	if err := s.Close(); err != nil {
		return err
	}
	if status.Code == 0 {
		return nil
	}
	why := fmt.Sprintf("ended with exit code %d", status.Code)
	if status.OOMKilled {
		why += ", as a process ran out of memory"
	}
	return vzcontract.Errorf(vzcontract.ErrValidation, "setup command %d of %d %s: %s", i+1, len(m.Commands), why, shorten(m.Commands[i]))
}

// shorten makes a command fit into a message.
func shorten(command string) string {
	line, _, more := strings.Cut(strings.TrimSpace(command), "\n")
	if runes := []rune(line); len(runes) > 200 {
		line, more = string(runes[:200]), true
	}
	if more {
		line += " …"
	}
	return line
}

// together writes what two streams bring to one writer, or to none.
type together struct {
	mu sync.Mutex
	w  io.Writer // guarded by mu
}

// Write implements io.Writer.
func (t *together) Write(b []byte) (int, error) {
	if t.w == nil {
		return len(b), nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.w.Write(b)
}
