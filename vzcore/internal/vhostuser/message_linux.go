package vhostuser

import (
	"errors"
	"fmt"
)

// Requests of the vhost-user protocol that QEMU sends to this device.
const (
	getFeatures         = 1
	setFeatures         = 2
	setOwner            = 3
	resetOwner          = 4
	setMemTable         = 5
	setVringNum         = 8
	setVringAddr        = 9
	setVringBase        = 10
	getVringBase        = 11
	setVringKick        = 12
	setVringCall        = 13
	setVringErr         = 14
	getProtocolFeatures = 15
	setProtocolFeatures = 16
	getQueueNum         = 17
	setVringEnable      = 18
	getConfig           = 24
)

// What this device can do.
const (
	featureIndirect = 1 << 28
	featureProtocol = 1 << 30
	featureVersion1 = 1 << 32

	protocolReplyAck = 1 << 3
	protocolConfig   = 1 << 9
)

// Flags of a message.
const (
	messageVersion   = 1
	messageReply     = 1 << 2
	messageNeedReply = 1 << 3
	messageHeader    = 12
	maxMessage       = 4096
)

var errShort = errors.New("the message is too short")

// handle does one request. It owns fds. The answer is nil if the request has none
// of its own.
func (s *session) handle(request uint32, p []byte, fds []int) ([]byte, error) {
	switch request {
	case setMemTable:
		return nil, s.setMemory(p, fds)
	case setVringKick, setVringCall, setVringErr:
		return nil, s.setDescriptor(request, p, fds)
	}
	closeFDs(fds)
	switch request {
	case getFeatures:
		return le.AppendUint64(nil, featureVersion1|featureProtocol|featureIndirect), nil
	case getProtocolFeatures:
		return le.AppendUint64(nil, protocolConfig|protocolReplyAck), nil
	case getQueueNum:
		return le.AppendUint64(nil, queues), nil
	case setFeatures, setOwner, resetOwner, setProtocolFeatures:
		return nil, nil
	case getConfig:
		return s.config(p)
	case setVringNum, setVringBase, setVringEnable, getVringBase:
		return s.setRing(request, p)
	case setVringAddr:
		return nil, s.setAddress(p)
	}
	return nil, fmt.Errorf("the request %d is not known", request)
}

// config answers with the device's configuration: the guest's context id.
func (s *session) config(p []byte) ([]byte, error) {
	if len(p) < 12 {
		return nil, errShort
	}
	offset, length := le.Uint32(p), le.Uint32(p[4:])
	space := le.AppendUint64(nil, s.device.mux.peer)
	if offset > uint32(len(space)) || length > uint32(len(space))-offset || int(length) > len(p)-12 {
		return nil, fmt.Errorf("the configuration has no %d bytes at %d", length, offset)
	}
	out := append([]byte(nil), p...)
	copy(out[12:], space[offset:offset+length])
	return out, nil
}

func (s *session) setRing(request uint32, p []byte) ([]byte, error) {
	if len(p) < 8 {
		return nil, errShort
	}
	index, value := le.Uint32(p), le.Uint32(p[4:])
	if index >= queues {
		return nil, fmt.Errorf("there is no ring %d", index)
	}
	q := &s.queues[index]
	switch request {
	case setVringNum:
		if q.stop != nil {
			return nil, errors.New("the length of a running ring cannot change")
		}
		q.num = value
	case setVringBase:
		if q.stop != nil {
			return nil, errors.New("a running ring cannot move")
		}
		q.base = uint16(value)
	case getVringBase:
		s.mu.Lock()
		base := q.halt()
		q.left = &base
		s.mu.Unlock()
		if index != queueEvent {
			s.device.mux.pause()
		}
		return le.AppendUint32(le.AppendUint32(nil, index), uint32(base)), nil
	}
	return nil, nil
}

func (s *session) setAddress(p []byte) error {
	if len(p) < 40 {
		return errShort
	}
	index := le.Uint32(p)
	if index >= queues {
		return fmt.Errorf("there is no ring %d", index)
	}
	q := &s.queues[index]
	if q.stop != nil {
		return errors.New("a running ring cannot move")
	}
	q.desc, q.used, q.avail, q.addressed = le.Uint64(p[8:]), le.Uint64(p[16:]), le.Uint64(p[24:]), true
	return nil
}
