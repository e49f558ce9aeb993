package wire

import (
	"time"

	"vz.internal/vzcontract"
)

// Version is that of the protocol. A monitor lives as long as its container,
// so a newer vz may talk to an older monitor.
const Version = 1

// An Op says what a message asks for or tells.
type Op string

// The operations. Lost, Ended and the answers OK and Failed come from the monitor.
const (
	Start  Op = "start"  // run the container, or join the streams of a running one
	Attach Op = "attach" // join the streams
	Exec   Op = "exec"
	Stop   Op = "stop"
	Kill   Op = "kill" // signal the workload, or the exec of this connection
	Resize Op = "resize"
	Detach Op = "detach" // leave the streams
	Cancel Op = "cancel" // kill the exec of this connection and all it started
	Pause  Op = "pause"
	Resume Op = "resume"
	Join   Op = "join"  // connect to a network
	Leave  Op = "leave" // disconnect from a network
	Rename Op = "rename"
	// Mount adds a bind to the container. Its detached tree comes as Streams.In: a
	// monitor of an older version closes that, and refuses.
	Mount   Op = "mount"
	Unmount Op = "unmount"
	// Namespaces asks for those of the user's session, whose holder was killed: the
	// answer has the user namespace as Streams.In, and the network namespace as
	// Streams.Out if the monitor keeps it.
	Namespaces Op = "namespaces"
	Ready      Op = "ready" // of a monitor that has no container yet: say when the start can come
	OK         Op = "ok"
	Failed     Op = "failed"
	Lost       Op = "lost" // an attached client's file takes no more
	Ended      Op = "ended"
)

// A Message is one request or answer.
type Message struct {
	Seq int `json:"seq,omitempty"`
	Op  Op  `json:"op"`
	// Lock: the first file is the monitor's lock; only in its first start.
	Lock    bool                      `json:"lock,omitempty"`
	Streams *Streams                  `json:"streams,omitempty"`
	Exec    *vzcontract.ExecConfig    `json:"exec,omitempty"`
	Size    *vzcontract.TermSize      `json:"size,omitempty"`
	Signal  string                    `json:"signal,omitempty"`
	Grace   *time.Duration            `json:"grace,omitempty"`
	Restart bool                      `json:"restart,omitempty"`
	Network *vzcontract.NetworkAttach `json:"network,omitempty"`
	Name    string                    `json:"name,omitempty"`
	// Mount is what to mount; to unmount it its target is enough.
	Mount *vzcontract.Mount `json:"mount,omitempty"`
	// ID is an exec's or, in a monitor's first start, the container's.
	ID   string                 `json:"id,omitempty"`
	Exit *vzcontract.ExitStatus `json:"exit,omitempty"`
	Err  *Error                 `json:"err,omitempty"`
}

// Streams says which files come with the message, in this order.
type Streams struct {
	In  bool `json:"in,omitempty"`
	Out bool `json:"out,omitempty"`
	Err bool `json:"err,omitempty"`
}

// Files is the number of files that come with the message.
func (m *Message) Files() int {
	n := 0
	if m.Lock {
		n++
	}
	if m.Streams == nil {
		return n
	}
	s := m.Streams
	for _, has := range []bool{s.In, s.Out, s.Err} {
		if has {
			n++
		}
	}
	return n
}
