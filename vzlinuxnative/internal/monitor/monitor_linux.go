package monitor

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/fault"
	"vz.internal/vzlinuxnative/internal/logfile"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/rootfs"
	"vz.internal/vzlinuxnative/internal/stream"
	"vz.internal/vzlinuxnative/internal/wire"
	"vz.internal/vzlinuxnative/network"
)

// A monitor is the life of one container from a start to its final stop.
type monitor struct {
	store  *record.Store
	id     string
	home   string
	dir    string   // of the container below $VZ_RUN
	lock   *os.File // held as long as this process lives
	engine engine.Engine
	cfg    *record.Config
	log    *logfile.Writer // nil with driver none
	logs   stream.Logs
	nets   *network.Manager
	root   rootfs.Root
	tell   *teller
	name   atomic.Value   // string
	wake   chan struct{}  // ends the pause before a restart
	work   sync.WaitGroup // connections that are owed an answer
	rest   rest

	session kept

	mounting sync.Mutex // held while the record's mounts are read or changed

	mu       sync.Mutex
	changed  *sync.Cond // of what follows
	run      *run       // the present one; guarded by mu
	starting bool       // a run is being made; guarded by mu
	closing  bool       // no more requests; guarded by mu
	stopping bool       // somebody wants the workload to end; guarded by mu
	kept     bool       // a start follows the stop, so nothing goes with the end; guarded by mu
	next     *request   // a start that arrived between two runs; guarded by mu
}

// A request is a message with its connection and files. Without a connection
// it is the restart policy's.
type request struct {
	conn  *wire.Conn
	msg   *wire.Message
	files stream.Files
}

func newRequest(conn *wire.Conn, msg *wire.Message, files []*os.File) *request {
	r := &request{conn: conn, msg: msg}
	if msg.Lock { // this monitor has its lock
		files[0].Close()
		files = files[1:]
	}
	if msg.Streams == nil {
		return r
	}
	for _, s := range []struct {
		has bool
		to  **os.File
	}{{msg.Streams.In, &r.files.In}, {msg.Streams.Out, &r.files.Out}, {msg.Streams.Err, &r.files.Err}} {
		if s.has {
			*s.to, files = files[0], files[1:]
		}
	}
	return r
}

// live runs the container again and again until it is to stay down.
func (m *monitor) live(l *net.UnixListener, next *request) error {
	go m.accept(l)
	for next != nil {
		r, err := m.begin(next)
		if err != nil {
			break // who asked has been told, and the record says it
		}
		m.supervise(r)
		next = m.pause(r)
	}
	m.set(func() { m.closing = true })
	l.Close()
	// Who is attached may still be reading.
	err := m.clear()
	m.work.Wait()
	m.tell.flush()
	gone, goErr := m.goWithEnd()
	err = errors.Join(err, goErr, m.lock.Close())
	fault.Point("stop.idle")
	if gone {
		err = errors.Join(err, m.waste())
	}
	return errors.Join(err, m.nets.Linger(context.Background(), idlePause))
}

// idlePause is how long a bridge that nobody is on waits for the next container.
// The monitor has given up its lock by then: for all others it is gone.
const idlePause = 250 * time.Millisecond

// set changes the guarded fields.
func (m *monitor) set(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	m.changed.Broadcast()
}

// begin makes a run and tells who asked.
func (m *monitor) begin(q *request) (*run, error) {
	m.set(func() {
		m.starting = true
		if q.conn != nil {
			m.stopping = false
		}
	})
	r, err := m.launch(q)
	m.set(func() { m.starting, m.run = false, r })
	if err != nil {
		m.failed(err)
	}
	defer m.settle()
	if q.conn == nil {
		return r, err
	}
	if err != nil {
		q.files.Close()
		_ = q.conn.Send(&wire.Message{Seq: q.msg.Seq, Op: wire.Failed, Err: wire.Fail(err)}) // the record says it too
		q.conn.Close()
		return nil, err
	}
	_ = q.conn.Send(&wire.Message{Seq: q.msg.Seq, Op: wire.OK}) // the container runs, whoever is there
	if r.first == nil {
		q.conn.Close()
		return r, nil
	}
	m.work.Go(func() { m.attached(q.conn, r, r.first) })
	return r, nil
}

// failed records why a start failed.
func (m *monitor) failed(cause error) {
	_, _ = m.store.Update(m.id, func(st *record.State) error {
		st.PID = 0
		st.Error, st.Restarting = cause.Error(), false
		st.Networks, st.Ports = nil, nil
		return nil
	})
}

// The pauses between restarts, as vzcontract.RestartPolicy says.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = time.Minute
	settledAfter = 10 * time.Second
)

// pause waits before a restart. It returns what begins the next run, nil if
// there is none.
func (m *monitor) pause(r *run) *request {
	if !r.again {
		return nil
	}
	wait := firstPause
	if r.took < settledAfter {
		for range min(r.restarts, 10) {
			wait = min(2*wait, longestPause)
		}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-m.wake:
	}
	var next *request
	m.set(func() {
		next, m.next = m.next, nil
		if next == nil && m.cancelled() {
			m.closing = true
			return
		}
		m.starting = true
	})
	if next == nil && !m.isClosing() {
		next = &request{msg: &wire.Message{Op: wire.Start}}
	}
	return next
}

// cancelled reports that the pending restart is not wanted any more.
func (m *monitor) cancelled() bool {
	st, err := m.store.State(m.id)
	return err != nil || st.StopAsked || !st.Restarting
}

func (m *monitor) isClosing() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closing
}

// await returns the present run, once a start that is under way has come to
// its end. Without a run it is nil.
func (m *monitor) await() (*run, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.starting {
		m.changed.Wait()
	}
	if m.closing && m.run == nil {
		return nil, wire.ErrGone
	}
	return m.run, nil
}

func (m *monitor) isKept() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept
}

func (m *monitor) isStopping() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stopping
}
