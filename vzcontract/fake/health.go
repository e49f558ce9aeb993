package fake

import (
	"bytes"
	"context"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/sim"
)

// maxProbes and maxProbeOutput bound what a health status keeps.
const (
	maxProbes      = 5
	maxProbeOutput = 4096
)

// watchHealth probes until the run ends.
func (b *Backend) watchHealth(c *container, r *run, h vzcontract.HealthCheck) {
	h.Interval, h.Timeout = orDefault(h.Interval, 30*time.Second), orDefault(h.Timeout, 30*time.Second)
	h.StartInterval = orDefault(h.StartInterval, 5*time.Second)
	if h.Retries == 0 {
		h.Retries = 3
	}
	began := time.Now()
	for {
		pause := h.Interval
		starting := time.Since(began) < h.StartPeriod
		if starting {
			pause = h.StartInterval
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-r.main.Done():
			timer.Stop()
			return
		}
		probe := b.probe(c, r, h)
		unlock, err := b.lock()
		if err != nil {
			return // the state directory is gone
		}
		if c.Info.Health != nil && b.runs[c.Info.ID] == r {
			b.judge(c, h, probe, time.Since(began) < h.StartPeriod)
			r.sick = h.Restart && c.Info.Health.Status == vzcontract.HealthUnhealthy
		}
		sick := r.sick
		unlock()
		if sick {
			b.endSick(c, r)
			return
		}
	}
}

// endSick ends a container as a stop would, to have it start again.
func (b *Backend) endSick(c *container, r *run) {
	sig, err := signalNumber(c.Info.Config.StopSignal, "SIGTERM")
	if err != nil {
		sig = sigKill // it was checked when the container was made
	}
	r.signal(sig)
	timer := time.NewTimer(grace(c.Info.Config))
	defer timer.Stop()
	select {
	case <-timer.C:
		r.signal(sigKill)
	case <-r.done:
	case <-b.life.Done():
	}
}

// grace is how long a container may take to stop.
func grace(cfg vzcontract.RunConfig) time.Duration {
	if cfg.StopGrace != nil {
		return *cfg.StopGrace
	}
	return 10 * time.Second
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

func (b *Backend) probe(c *container, r *run, h vzcontract.HealthCheck) vzcontract.HealthProbe {
	p := vzcontract.HealthProbe{Start: time.Now()}
	args := h.Test[1:]
	if h.Test[0] == "CMD-SHELL" {
		args = []string{"/bin/sh", "-c", h.Test[1]}
	}
	var out bytes.Buffer
	spec, err := b.spec(c, r.kernel.FS)
	var proc *sim.Process
	if err == nil {
		spec.Args, spec.Stdout, spec.Stderr = args, sim.SinkTo(&out), sim.SinkTo(&out)
		proc, err = r.kernel.Start(spec, nil)
	}
	if err != nil {
		p.End, p.ExitCode, p.Output = time.Now(), 127, err.Error()
		return p
	}
	ctx, cancel := context.WithTimeout(context.Background(), h.Timeout)
	defer cancel()
	select {
	case <-proc.Done():
		p.ExitCode = proc.Status().Code
	case <-ctx.Done():
		proc.KillTree()
		<-proc.Done()
		p.ExitCode = -1
	}
	p.End = time.Now()
	p.Output = string(out.Bytes()[:min(out.Len(), maxProbeOutput)])
	if p.ExitCode == -1 {
		p.Output = "health check took longer than " + h.Timeout.String()
	}
	return p
}

// judge adds a probe to the verdict.
func (b *Backend) judge(c *container, h vzcontract.HealthCheck, probe vzcontract.HealthProbe, starting bool) {
	next := *c.Info.Health
	next.Log = append(append([]vzcontract.HealthProbe(nil), next.Log...), probe)
	if len(next.Log) > maxProbes {
		next.Log = next.Log[len(next.Log)-maxProbes:]
	}
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
	c.Info.Health = &next
	b.touch()
	if next.Status != before {
		b.event("container", "health_status", c, map[string]string{"health": string(next.Status)})
	}
}
