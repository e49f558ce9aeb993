package monitor

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/ocispec"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/signame"
)

// What a health status keeps.
const (
	maxProbes      = 5
	maxProbeOutput = 4096
)

// health probes until the run ends.
func (m *monitor) health(ctx context.Context, r *run, h vzcontract.HealthCheck) {
	h.Interval, h.Timeout = cmp.Or(h.Interval, 30*time.Second), cmp.Or(h.Timeout, 30*time.Second)
	h.StartInterval, h.Retries = cmp.Or(h.StartInterval, 5*time.Second), cmp.Or(h.Retries, 3)
	if !m.healthEarly(ctx, r, h) {
		return
	}
	for sleep(ctx, regularPause(r, h)) {
		if r.isPaused() {
			continue
		}
		if !m.probeOnce(ctx, r, h) {
			return
		}
	}
}

// probeOnce probes and counts the verdict. It reports false when the run ended.
func (m *monitor) probeOnce(ctx context.Context, r *run, h vzcontract.HealthCheck) bool {
	probe := m.probe(ctx, r, h)
	if ctx.Err() != nil {
		return false
	}
	if m.judge(h, probe, time.Since(r.began) < h.StartPeriod) == vzcontract.HealthUnhealthy && h.Restart {
		m.endSick(r)
		return false
	}
	return true
}

// endSick ends a run as a stop would, to have another one begin.
func (m *monitor) endSick(r *run) {
	r.mu.Lock()
	r.sick = true
	r.mu.Unlock()
	sig, err := signame.Parse(m.stopSignal())
	if err != nil {
		sig = unix.SIGKILL // it was checked when the container was made
	}
	_ = r.signal(sig) // it may just have ended
	grace := defaultGrace
	if r.cfg.StopGrace != nil {
		grace = *r.cfg.StopGrace
	}
	r.awaitEnd(grace)
}

func (r *run) isSick() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sick
}

// regularPause is the time between two probes that count.
func regularPause(r *run, h vzcontract.HealthCheck) time.Duration {
	if time.Since(r.began) < h.StartPeriod {
		return h.StartInterval
	}
	return h.Interval
}

// sleep reports whether d passed before the end of ctx.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// earlyPause is the first pause between early probes; each next one is double.
const earlyPause = 10 * time.Millisecond

// healthEarly probes before the first pause is over, so that what waits for a
// healthy container need not wait for all of it. Failures do not count: those
// are of a program that still starts. It reports false when the run ended.
func (m *monitor) healthEarly(ctx context.Context, r *run, h vzcontract.HealthCheck) bool {
	first := regularPause(r, h)
	for pause := earlyPause; time.Since(r.began)+pause < first; pause *= 2 {
		if !sleep(ctx, pause) {
			return false
		}
		if r.isPaused() {
			continue
		}
		probe := m.probe(ctx, r, h)
		if ctx.Err() != nil {
			return false
		}
		if probe.ExitCode == 0 {
			m.judge(h, probe, true)
			return true
		}
	}
	return sleep(ctx, first-time.Since(r.began)) && (r.isPaused() || m.probeOnce(ctx, r, h))
}

func (r *run) isPaused() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.paused
}

// probe runs the command once.
func (m *monitor) probe(ctx context.Context, r *run, h vzcontract.HealthCheck) vzcontract.HealthProbe {
	defer m.settle()
	p := vzcontract.HealthProbe{Start: time.Now()}
	args := h.Test[1:]
	if h.Test[0] == "CMD-SHELL" {
		args = []string{"/bin/sh", "-c", h.Test[1]}
	}
	out := &bounded{most: maxProbeOutput}
	code, err := m.runProbe(ctx, r, args, h.Timeout, out)
	p.End, p.ExitCode, p.Output = time.Now(), code, out.String()
	if err != nil {
		p.Output = err.Error()
	}
	return p
}

// runProbe returns the command's exit code; -1 when it took too long.
func (m *monitor) runProbe(ctx context.Context, r *run, args []string, timeout time.Duration, out *bounded) (int, error) {
	spec, err := ocispec.Exec(r.spec, fmt.Sprintf("/proc/%d/root", r.c.PID()), vzcontract.ExecConfig{Args: args})
	if err != nil {
		return 127, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return 127, err
	}
	defer read.Close()
	p, err := r.c.Exec(ctx, engine.ExecRequest{ID: newID()[:16], Process: spec, Stdio: engine.Stdio{Stdout: write, Stderr: write}})
	write.Close()
	if err != nil {
		return 127, err
	}
	limit, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	stop := context.AfterFunc(limit, func() {
		_ = p.Kill(context.WithoutCancel(ctx)) // it may just have ended
	})
	copied := make(chan struct{})
	go func() { defer close(copied); _, _ = io.Copy(out, read) }()
	ws, err := p.Wait()
	late := !stop() && ctx.Err() == nil
	// Its children may hold the pipe; what it wrote itself is there now.
	_ = read.SetReadDeadline(time.Now().Add(time.Second / 10))
	<-copied
	switch {
	case late:
		return -1, fmt.Errorf("health check took longer than %s", timeout)
	case err != nil:
		return 127, err
	}
	return statusOf(ws).Code, nil
}

// judge adds a probe to the verdict and returns it.
func (m *monitor) judge(h vzcontract.HealthCheck, probe vzcontract.HealthProbe, starting bool) (verdict vzcontract.HealthState) {
	changed := vzcontract.HealthState("")
	_, err := m.store.Update(m.id, func(st *record.State) error {
		if !st.Live() || st.Health == nil {
			return nil
		}
		next := st.Health
		next.Log = append(next.Log, probe)
		next.Log = next.Log[max(0, len(next.Log)-maxProbes):]
		before := next.Status
		switch {
		case probe.ExitCode == 0:
			next.Status, next.FailingStreak = vzcontract.HealthHealthy, 0
		case starting && next.Status == vzcontract.HealthStarting:
		default:
			if next.FailingStreak++; next.FailingStreak >= h.Retries {
				next.Status = vzcontract.HealthUnhealthy
			}
		}
		if verdict = next.Status; verdict != before {
			changed = verdict
		}
		return nil
	})
	if err == nil && changed != "" {
		m.event("health_status", map[string]string{"health": string(changed)})
	}
	return verdict
}

// bounded keeps the first bytes of what it reads.
type bounded struct {
	buf  bytes.Buffer
	most int
}

func (b *bounded) String() string { return b.buf.String() }

// Write implements io.Writer; it takes everything.
func (b *bounded) Write(p []byte) (int, error) {
	b.buf.Write(p[:min(len(p), b.most-b.buf.Len())])
	return len(p), nil
}
