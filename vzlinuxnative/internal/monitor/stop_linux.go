package monitor

import (
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/signame"
	"vz.internal/vzlinuxnative/internal/wire"
)

const defaultGrace = 10 * time.Second

func sigText(sig unix.Signal) string { return strconv.Itoa(int(sig)) }

// stop asks the workload to end, kills it after the grace period, and returns
// when the end is recorded. Between two runs it cancels the restart.
func (m *monitor) stop(msg *wire.Message) error {
	name := m.stopSignal()
	if msg.Signal != "" {
		name = msg.Signal
	}
	sig, err := signame.Parse(name)
	if err != nil {
		return err
	}
	if err := m.askStop(); err != nil {
		return err
	}
	m.set(func() { m.kept = msg.Restart })
	m.wakeUp()
	r, err := m.await()
	if err != nil || r == nil {
		return err
	}
	if err := m.thaw(r); err != nil {
		return err
	}
	if err := r.signal(sig); err == nil {
		m.event("kill", map[string]string{"signal": sigText(sig)})
	}
	grace := defaultGrace
	for _, g := range []*time.Duration{r.cfg.StopGrace, msg.Grace} {
		if g != nil {
			grace = *g
		}
	}
	r.awaitEnd(grace)
	m.event("stop", nil)
	return nil
}

func (m *monitor) stopSignal() string {
	if m.cfg != nil && m.cfg.Run.StopSignal != "" {
		return m.cfg.Run.StopSignal
	}
	return "TERM"
}

// awaitEnd returns when the run's end is recorded. It is killed after the
// grace period; a negative one never ends.
func (r *run) awaitEnd(grace time.Duration) {
	if grace >= 0 {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-r.ended:
			return
		case <-timer.C:
			_ = r.signal(unix.SIGKILL) // it may just have ended
		}
	}
	<-r.ended
}

// freeze pauses the present run or lets it go on.
func (m *monitor) freeze(frozen bool) error {
	r, err := m.await()
	if err != nil {
		return err
	}
	if r == nil {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the container is not running")
	}
	if !frozen {
		return m.thaw(r)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.paused {
		return nil
	}
	g, err := cgroup.At(m.cfg.CgroupsPath)
	if err != nil {
		return err
	}
	if r.reaped {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the container is not running")
	}
	if err := m.recordState(vzcontract.StatePaused); err != nil {
		return err
	}
	if err := g.Freeze(); err != nil {
		_ = m.recordState(vzcontract.StateRunning) // the first error says more
		return err
	}
	r.paused = true
	m.event("pause", nil)
	return nil
}

// thaw ends a pause.
func (m *monitor) thaw(r *run) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.paused {
		return nil
	}
	g, err := cgroup.At(m.cfg.CgroupsPath)
	if err != nil {
		return err
	}
	if err := g.Thaw(); err != nil {
		return err
	}
	r.paused = false
	m.event("unpause", nil)
	return m.recordState(vzcontract.StateRunning)
}

func (m *monitor) recordState(to vzcontract.State) error {
	_, err := m.store.Update(m.id, func(st *record.State) error {
		if st.Live() {
			st.State = to
		}
		return nil
	})
	return err
}
