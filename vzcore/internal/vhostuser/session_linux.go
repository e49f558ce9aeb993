package vhostuser

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A session is one QEMU that is connected.
type session struct {
	device *Device

	mu     sync.Mutex // held while queues start and stop
	memory memory
	queues [queues]queue
	anew   bool // a ring does not go on where it was left
}

// Serve is the device for one QEMU, at the other end of conn, until that hangs up
// or breaks the protocol. One QEMU at a time is served. It closes conn.
func (d *Device) Serve(conn *net.UnixConn) error {
	defer conn.Close()
	s := &session{device: d}
	defer s.end()
	for {
		err := s.exchange(conn)
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("vhost-user: %w", err)
		}
	}
}

// exchange reads one message and answers it.
func (s *session) exchange(conn *net.UnixConn) error {
	request, flags, payload, fds, err := readMessage(conn)
	if err != nil {
		return err
	}
	answer, err := s.handle(request, payload, fds)
	if answer == nil && flags&messageNeedReply != 0 {
		answer = le.AppendUint64(nil, 0)
		if err != nil {
			answer[0] = 1
		}
	}
	if answer == nil {
		if err != nil {
			return fmt.Errorf("request %d: %w", request, err)
		}
		return nil
	}
	out := le.AppendUint32(nil, request)
	out = le.AppendUint32(out, messageVersion|messageReply)
	out = le.AppendUint32(out, uint32(len(answer)))
	_, err = conn.Write(append(out, answer...))
	return err
}

func readMessage(conn *net.UnixConn) (request, flags uint32, payload []byte, fds []int, err error) {
	header := make([]byte, messageHeader)
	oob := make([]byte, unix.CmsgSpace(4*maxRegions))
	n, oobn, recvFlags, _, err := conn.ReadMsgUnix(header, oob)
	if err == nil && n == 0 {
		err = io.EOF
	}
	if err != nil {
		return 0, 0, nil, nil, err
	}
	fds = descriptors(oob[:oobn])
	fail := func(err error) (uint32, uint32, []byte, []int, error) {
		closeFDs(fds)
		return 0, 0, nil, nil, err
	}
	if recvFlags&unix.MSG_CTRUNC != 0 {
		return fail(errors.New("more descriptors than are allowed"))
	}
	if _, err := io.ReadFull(conn, header[n:]); err != nil {
		return fail(err)
	}
	size := le.Uint32(header[8:])
	if size > maxMessage {
		return fail(fmt.Errorf("a message of %d bytes", size))
	}
	payload = make([]byte, size)
	if _, err := io.ReadFull(conn, payload); err != nil {
		return fail(err)
	}
	return le.Uint32(header), le.Uint32(header[4:]), payload, fds, nil
}

func descriptors(oob []byte) []int {
	var fds []int
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for i := range messages {
		if got, err := unix.ParseUnixRights(&messages[i]); err == nil {
			fds = append(fds, got...)
		}
	}
	return fds
}

// setMemory replaces the guest's memory. Rings that run go on in it.
func (s *session) setMemory(table []byte, fds []int) error {
	next, err := newMemory(table, fds)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var kicks [queues]*os.File
	for i := range s.queues {
		q := &s.queues[i]
		if q.kick == nil {
			continue
		}
		if kicks[i], err = duplicate(q.kick); err != nil {
			next.unmap()
			return err
		}
		q.halt()
	}
	s.memory.unmap()
	s.memory = next
	for i, kick := range kicks {
		if kick != nil {
			if err := s.run(i, kick); err != nil {
				return err
			}
		}
	}
	return nil
}

// setDescriptor gives a ring the eventfd by which the guest tells of buffers, which
// starts it, or is told of used ones.
func (s *session) setDescriptor(request uint32, p []byte, fds []int) error {
	if len(p) < 8 || len(fds) > 1 {
		closeFDs(fds)
		return errShort
	}
	value := le.Uint64(p)
	index, none := value&0xff, value&0x100 != 0
	if index >= queues || none != (len(fds) == 0) {
		closeFDs(fds)
		return fmt.Errorf("ring %d with %d descriptors", index, len(fds))
	}
	var file *os.File
	if len(fds) == 1 {
		var err error
		if file, err = eventFile(fds[0], "ring"); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q := &s.queues[index]
	switch request {
	case setVringKick:
		q.halt()
		if file == nil {
			return errors.New("a ring that is polled is not supported")
		}
		return s.run(int(index), file)
	case setVringCall:
		return s.setCall(int(index), file)
	}
	if file != nil {
		return file.Close()
	}
	return nil
}

// setCall replaces the call descriptor while the queue stands still. s.mu must be
// held.
func (s *session) setCall(index int, file *os.File) error {
	q := &s.queues[index]
	q.callMu.Lock()
	defer q.callMu.Unlock()
	old := q.call
	q.call = file
	if old != nil {
		return old.Close()
	}
	return nil
}

// run starts to serve a queue. It owns kick. s.mu must be held.
func (s *session) run(index int, kick *os.File) error {
	q := &s.queues[index]
	if index == queueEvent {
		return kick.Close() // nothing is ever sent there
	}
	if !q.addressed || s.memory == nil {
		return errors.Join(errors.New("a ring is started before it has a place"), kick.Close())
	}
	r, err := newRing(s.memory, q.num, q.desc, q.avail, q.used, q.base)
	if err != nil {
		return errors.Join(err, kick.Close())
	}
	q.ring = r
	if q.left != nil && *q.left != q.base {
		s.anew = true
	}
	q.left = nil
	memory := s.memory
	serve := s.device.deliver
	if index == queueTransmit {
		serve = s.device.transmit
	}
	q.start(kick, func(stop <-chan struct{}, kicks <-chan struct{}) { serve(q, memory, stop, kicks) })
	if s.queues[queueReceive].stop != nil && s.queues[queueTransmit].stop != nil {
		if s.anew { // another driver, which knows nothing of the connections
			s.device.mux.detach()
			s.anew = false
		}
		s.device.mux.attach()
	}
	return nil
}

func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.queues {
		s.queues[i].halt()
		_ = s.setCall(i, nil)
	}
	s.device.mux.detach()
	s.memory.unmap()
	s.memory = nil
}
