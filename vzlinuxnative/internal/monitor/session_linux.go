package monitor

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/wire"
	"vz.internal/vzlinuxnative/network"
	"vz.internal/vzlinuxnative/rootless"
)

// kept is the network namespace of an ordinary user's session, from when it was first
// asked for. So it outlives the session's holder.
type kept struct {
	mu  sync.Mutex
	net *os.File // guarded by mu
}

// open returns a descriptor of the namespace that is the caller's.
func (k *kept) open() (*os.File, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.net == nil {
		ns, err := rootless.NetNS()
		if err != nil {
			return nil, err
		}
		k.net = ns
	}
	return duplicate(k.net)
}

// networkOptions say where networks are: those of an ordinary user in the user's session.
// args is how many arguments follow those that make this program a monitor.
func (m *monitor) networkOptions(run string, args int) network.Options {
	opts := network.Below(m.home, run)
	if _, in := rootless.User(); !in {
		return opts
	}
	opts.Namespace = m.session.open
	opts.UplinkDir = rootless.Dir()
	opts.Note = func(text string) { m.complain("networks", errors.New(text)) }
	opts.Keeper = append([]string{"/proc/self/exe"}, os.Args[1:len(os.Args)-args]...)
	opts.Keeper = append(opts.Keeper, "uplink")
	return opts
}

func duplicate(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// namespaces gives those of the session to who starts a new holder.
func (m *monitor) namespaces(q *request) {
	q.files.Close()
	user, err := os.Open("/proc/self/ns/user")
	if err == nil {
		defer user.Close()
		if _, in := rootless.User(); !in {
			err = errors.New("this monitor is in no session")
		}
	}
	if err != nil {
		answer(q.conn, q.msg, err)
		return
	}
	reply := &wire.Message{Seq: q.msg.Seq, Op: wire.OK, Streams: &wire.Streams{In: true}}
	files := []*os.File{user}
	m.session.mu.Lock()
	defer m.session.mu.Unlock()
	if m.session.net != nil {
		reply.Streams.Out = true
		files = append(files, m.session.net)
	}
	_ = q.conn.Send(reply, files...) // who does not wait for the answer does not need it
}
