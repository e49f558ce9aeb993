package monitor

import (
	"cmp"
	"errors"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/signame"
	"vz.internal/vzlinuxnative/internal/stream"
	"vz.internal/vzlinuxnative/internal/wire"
)

// acceptPause is how long no connection is taken when there are no descriptors left.
const acceptPause = 50 * time.Millisecond

// A listener is a *net.UnixListener.
type listener interface{ AcceptUnix() (*net.UnixConn, error) }

// accept serves connections until the listener is closed. What else is in the way
// passes, such as clients of published ports that have all descriptors.
func (m *monitor) accept(l listener) {
	for {
		c, err := l.AcceptUnix()
		switch {
		case err == nil:
			go m.serve(wire.NewConn(c))
		case errors.Is(err, net.ErrClosed):
			return
		default:
			<-time.After(acceptPause)
		}
	}
}

// serve answers requests until one takes the connection over.
func (m *monitor) serve(conn *wire.Conn) {
	defer m.settle()
	for {
		msg, files, err := conn.Receive()
		if err != nil {
			conn.Close()
			return
		}
		q := newRequest(conn, msg, files)
		switch msg.Op {
		case wire.Start:
			m.joinStart(q)
			return
		case wire.Attach:
			m.attach(q)
			return
		case wire.Exec:
			m.exec(q)
			return
		case wire.Namespaces:
			m.namespaces(q)
			continue
		}
		m.work.Add(1)
		answer(conn, msg, m.do(q))
		m.work.Done()
	}
}

// answer tells the outcome of a request.
func answer(conn *wire.Conn, msg *wire.Message, err error) {
	reply := &wire.Message{Seq: msg.Seq, Op: wire.OK}
	if err != nil {
		reply = &wire.Message{Seq: msg.Seq, Op: wire.Failed, Err: wire.Fail(err)}
	}
	_ = conn.Send(reply) // who does not wait for the answer does not need it
}

func (m *monitor) do(q *request) error {
	msg := q.msg
	if msg.Op == wire.Mount {
		return m.mount(q)
	}
	q.files.Close()
	switch msg.Op {
	case wire.Unmount:
		return m.unmount(msg.Mount)
	case wire.Stop:
		return m.stop(msg)
	case wire.Kill:
		return m.kill(msg.Signal)
	case wire.Pause:
		return m.freeze(true)
	case wire.Resume:
		return m.freeze(false)
	case wire.Join:
		return m.join(msg.Network)
	case wire.Leave:
		return m.leave(msg.Network)
	case wire.Rename:
		return m.rename(msg.Name)
	}
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "the monitor knows no request %q", msg.Op)
}

// joinStart is a start while this monitor lives: it ends a pause between two
// runs, or joins the streams of the present one.
func (m *monitor) joinStart(q *request) {
	r, err := m.await()
	if err == nil && r == nil {
		taken := false
		m.set(func() {
			if !m.closing && m.run == nil && m.next == nil {
				m.next, taken = q, true
			}
		})
		if taken {
			m.wakeUp()
			return
		}
		err = wire.ErrGone
	}
	if err == nil && q.msg.Streams != nil {
		m.attach(q)
		return
	}
	q.files.Close()
	answer(q.conn, q.msg, err)
	q.conn.Close()
}

func (m *monitor) wakeUp() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// attach joins a client to the streams of the present run.
func (m *monitor) attach(q *request) {
	r, err := m.await()
	if err == nil && r == nil {
		err = vzcontract.Errorf(vzcontract.ErrConflict, "the container is not running")
	}
	var client *stream.Client
	if err == nil {
		client, err = r.streams.Attach(q.files, r.cfg.StdinOnce)
	} else {
		q.files.Close()
	}
	if err == nil && q.msg.Size != nil && r.cfg.TTY {
		_ = r.streams.Resize(*q.msg.Size) // the size is a wish
	}
	m.work.Add(1)
	defer m.work.Done()
	answer(q.conn, q.msg, err)
	if err != nil {
		q.conn.Close()
		return
	}
	m.event("attach", nil)
	m.attached(q.conn, r, client)
}

// attached serves an attached client until the run's end or the client's.
func (m *monitor) attached(conn *wire.Conn, r *run, client *stream.Client) {
	defer conn.Close()
	gone := make(chan bool, 1)
	go func() { gone <- m.control(conn, r, client) }()
	for running := true; running; {
		select {
		case <-r.ended:
			running = false
		case err := <-client.Lost():
			tellLost(conn, err)
		case detached := <-gone:
			if detached || r.cfg.TTY {
				client.Leave()
				return
			}
			// The client died. Its files may live, so bytes flow on.
			<-r.ended
			running = false
		}
	}
	client.Done()
	client.Leave()
	for told := false; !told; {
		select {
		case err := <-client.Lost():
			tellLost(conn, err)
		default:
			told = true
		}
	}
	_ = conn.Send(&wire.Message{Op: wire.Ended, Exit: &r.exit}) // a client that left knows enough
}

// tellLost tells a client that its output is lost. Whether it wants the workload
// to end for that is its own affair.
func tellLost(conn *wire.Conn, err error) {
	_ = conn.Send(&wire.Message{Op: wire.Lost, Err: wire.Fail(err)}) // it may be gone altogether
}

// control answers an attached client. It returns true when the client asked
// to be disconnected, false when it is gone.
func (m *monitor) control(conn *wire.Conn, r *run, client *stream.Client) bool {
	for {
		msg, files, err := conn.Receive()
		if err != nil {
			return false
		}
		newRequest(conn, msg, files).files.Close()
		switch msg.Op {
		case wire.Detach:
			client.Leave()
			answer(conn, msg, nil)
			return true
		case wire.Resize:
			if msg.Size == nil {
				msg.Size = new(vzcontract.TermSize)
			}
			answer(conn, msg, r.streams.Resize(*msg.Size))
		case wire.Kill:
			answer(conn, msg, m.killRun(r, msg.Signal))
		default:
			answer(conn, msg, vzcontract.Errorf(vzcontract.ErrUnsupported, "an attached client cannot ask for %q", msg.Op))
		}
	}
}

// kill signals the present run.
func (m *monitor) kill(name string) error {
	r, err := m.await()
	if err != nil {
		return err
	}
	if r == nil {
		return m.killBetween(name)
	}
	return m.killRun(r, name)
}

// killBetween ends a container for good that waits for its next run.
func (m *monitor) killBetween(name string) error {
	sig, err := signame.Parse(cmp.Or(name, "KILL"))
	if err != nil {
		return err
	}
	if !isFinal(sig, m.stopSignal()) {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the container waits for its restart, nothing in it takes signals: use KILL to end it")
	}
	if err := m.askStop(); err != nil {
		return err
	}
	m.wakeUp()
	return nil
}

// isFinal reports whether a signal asks a workload to end for good.
func isFinal(sig unix.Signal, stopSignal string) bool {
	stop, err := signame.Parse(stopSignal)
	return sig == unix.SIGKILL || err == nil && sig == stop
}

// killRun signals a run. Signals that end it for good are remembered, so that
// no restart follows.
func (m *monitor) killRun(r *run, name string) error {
	if name == "" {
		name = "KILL"
	}
	sig, err := signame.Parse(name)
	if err != nil {
		return err
	}
	if isFinal(sig, r.cfg.StopSignal) {
		if err := m.askStop(); err != nil {
			return err
		}
	}
	if err := r.signal(sig); err != nil {
		return err
	}
	m.event("kill", map[string]string{"signal": sigText(sig)})
	if sig == unix.SIGKILL {
		return m.thaw(r)
	}
	return nil
}

// askStop records that somebody wants the workload to end.
func (m *monitor) askStop() error {
	m.set(func() { m.stopping = true })
	_, err := m.store.Update(m.id, func(st *record.State) error {
		st.StopAsked, st.Restarting = true, false
		return nil
	})
	return err
}
