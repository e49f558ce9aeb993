package vhostuser

import (
	"encoding/binary"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Where a driver's things are in its megabyte of memory, and how many buffers its
// rings have.
const (
	memorySize = 1 << 20
	guestBase  = 0x4000_0000
	userBase   = 0x7f00_0000_0000
	ringSize   = 16
	bufSize    = 4096
	rxRing     = 0x0000
	txRing     = 0x4000
	rxBuffers  = 0x40000
	txBuffers  = 0x80000
	availOff   = 0x1000 // within a ring
	usedOff    = 0x2000
)

// A driver is QEMU and the guest's kernel in one: it speaks vhost-user with a
// device and drives its rings for a mux of its own.
type driver struct {
	t      *testing.T
	conn   *net.UnixConn
	mem    []byte
	fd     int
	guest  *mux
	events [4]*os.File // kick and call of each ring
	ended  chan error
	avail  [2]uint16
	seen   [2]uint16
}

// newDriver connects a driver with d; nothing is set up yet.
func newDriver(t *testing.T, d *Device) *driver {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	ends := make([]*net.UnixConn, 2)
	for i, fd := range pair {
		f := os.NewFile(uintptr(fd), "pair")
		c, err := net.FileConn(f)
		require.NoError(t, err)
		_ = f.Close()
		ends[i] = c.(*net.UnixConn)
	}
	v := &driver{t: t, conn: ends[0], guest: newMux(3, hostCID), ended: make(chan error, 1)}
	v.fd, err = unix.MemfdCreate("guest", unix.MFD_CLOEXEC)
	require.NoError(t, err)
	require.NoError(t, unix.Ftruncate(v.fd, memorySize))
	v.mem, err = unix.Mmap(v.fd, 0, memorySize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	require.NoError(t, err)
	go func() { v.ended <- d.Serve(ends[1]) }()
	return v
}

// send sends one message and returns what is answered, if that is asked for.
func (v *driver) send(request uint32, payload []byte, answer bool, fds ...int) []byte {
	v.t.Helper()
	flags := uint32(messageVersion)
	if answer {
		flags |= messageNeedReply
	}
	m := le.AppendUint32(le.AppendUint32(le.AppendUint32(nil, request), flags), uint32(len(payload)))
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	_, _, err := v.conn.WriteMsgUnix(append(m, payload...), oob, nil)
	require.NoError(v.t, err)
	if !answer {
		return nil
	}
	head := make([]byte, messageHeader)
	_, err = readFull(v.conn, head)
	require.NoError(v.t, err)
	body := make([]byte, le.Uint32(head[8:]))
	_, err = readFull(v.conn, body)
	require.NoError(v.t, err)
	return body
}

func readFull(c net.Conn, p []byte) (int, error) {
	n := 0
	for n < len(p) {
		k, err := c.Read(p[n:])
		n += k
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// acknowledged sends a message that the device must accept.
func (v *driver) acknowledged(request uint32, payload []byte, fds ...int) {
	v.t.Helper()
	require.Equal(v.t, make([]byte, 8), v.send(request, payload, true, fds...))
}

func words(values ...uint64) []byte {
	var out []byte
	for _, v := range values {
		out = le.AppendUint64(out, v)
	}
	return out
}

func pairOf(a, b uint32) []byte { return le.AppendUint32(le.AppendUint32(nil, a), b) }

func memoryTable() []byte {
	return append(pairOf(1, 0), words(guestBase, memorySize, userBase, 0)...)
}

// halt does what QEMU does when its machine is paused, and returns where the rings stand.
func (v *driver) halt() (bases [2]uint32) {
	v.t.Helper()
	for i := range bases {
		bases[i] = le.Uint32(v.send(getVringBase, pairOf(uint32(i), 0), true)[4:])
	}
	return bases
}

// goOn does what QEMU does when a paused machine goes on, or another driver comes.
func (v *driver) goOn(bases [2]uint32) {
	v.t.Helper()
	v.acknowledged(setMemTable, memoryTable(), v.fd)
	for i, base := range bases {
		v.acknowledged(setVringNum, pairOf(uint32(i), ringSize))
		v.acknowledged(setVringBase, pairOf(uint32(i), base))
		v.acknowledged(setVringKick, words(uint64(i)), v.fdOf(2*i))
	}
}

// setUp does what QEMU does when the guest's driver is ready.
func (v *driver) setUp() {
	v.t.Helper()
	require.NotZero(v.t, le.Uint64(v.send(getFeatures, nil, true))&featureProtocol)
	v.acknowledged(setMemTable, memoryTable(), v.fd)
	for i, at := range []uint64{rxRing, txRing} {
		for n := range 2 {
			fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
			require.NoError(v.t, err)
			v.events[2*i+n] = os.NewFile(uintptr(fd), "event")
		}
		v.acknowledged(setVringNum, pairOf(uint32(i), ringSize))
		v.acknowledged(setVringBase, pairOf(uint32(i), 0))
		v.acknowledged(setVringAddr, append(pairOf(uint32(i), 0), words(userBase+at, userBase+at+usedOff, userBase+at+availOff, 0)...))
		v.acknowledged(setVringCall, words(uint64(i)), v.fdOf(2*i+1))
	}
	for b := range uint16(ringSize) {
		v.describe(rxRing, b, rxBuffers+uint64(b)*bufSize, bufSize, descWrite, 0)
		v.offer(queueReceive, b)
	}
	for i := range 2 {
		v.acknowledged(setVringKick, words(uint64(i)), v.fdOf(2*i))
	}
}

func (v *driver) fdOf(i int) int {
	raw, err := v.events[i].SyscallConn()
	require.NoError(v.t, err)
	var out int
	require.NoError(v.t, raw.Control(func(fd uintptr) { out = int(fd) }))
	return out
}

func (v *driver) describe(ring int, index uint16, offset uint64, length uint32, flags, next uint16) {
	d := v.mem[ring+int(index)*descSize:]
	le.PutUint64(d, guestBase+offset)
	le.PutUint32(d[8:], length)
	le.PutUint16(d[12:], flags)
	le.PutUint16(d[14:], next)
}

func ringAt(queue int) int { return []int{rxRing, txRing}[queue] }

// offer gives the device the chain that begins at head.
func (v *driver) offer(queue int, head uint16) {
	avail := v.mem[ringAt(queue)+availOff:]
	le.PutUint16(avail[4+2*(v.avail[queue]%ringSize):], head)
	v.avail[queue]++
	store(avail, uint32(v.avail[queue])<<16)
}

func (v *driver) kick(queue int) {
	_, _ = v.events[2*queue].Write(binary.NativeEndian.AppendUint64(nil, 1))
}

// used returns the next chain that the device has given back.
func (v *driver) used(queue int) (head uint16, n uint32, ok bool) {
	used := v.mem[ringAt(queue)+usedOff:]
	if uint16(load(used)>>16) == v.seen[queue] {
		return 0, 0, false
	}
	e := used[4+8*(v.seen[queue]%ringSize):]
	v.seen[queue]++
	return uint16(le.Uint32(e)), le.Uint32(e[4:]), true
}

// run carries packets between the rings and the guest's mux until the device is
// done. Packets are offered in two descriptors, the header apart.
func (v *driver) run() {
	v.guest.attach()
	stop := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() { // receive
		var count [8]byte
		for {
			for head, n, ok := v.used(queueReceive); ok; head, n, ok = v.used(queueReceive) {
				at := rxBuffers + int(head)*bufSize
				v.guest.receive(append([]byte(nil), v.mem[at:at+int(n)]...))
				v.offer(queueReceive, head)
				v.kick(queueReceive)
			}
			if _, err := v.events[1].Read(count[:]); err != nil {
				return
			}
		}
	})
	wait.Go(func() { // transmit, one packet at a time
		var count [8]byte
		p := make([]byte, bufSize)
		for {
			for n := v.guest.next(p); n > 0; n = v.guest.next(p) {
				copy(v.mem[txBuffers:], p[:n])
				v.describe(txRing, 0, txBuffers, headerSize, descNext, 1)
				v.describe(txRing, 1, txBuffers+headerSize, uint32(n-headerSize), 0, 0)
				v.offer(queueTransmit, 0)
				v.kick(queueTransmit)
				for _, _, ok := v.used(queueTransmit); !ok; _, _, ok = v.used(queueTransmit) {
					if _, err := v.events[3].Read(count[:]); err != nil {
						return
					}
				}
			}
			select {
			case <-v.guest.work:
			case <-stop:
				return
			}
		}
	})
	v.t.Cleanup(func() {
		close(stop)
		_ = v.events[1].Close()
		_ = v.events[3].Close()
		wait.Wait()
		v.close()
	})
}

func (v *driver) close() {
	_ = v.conn.Close()
	<-v.ended
	v.guest.close()
	_ = unix.Munmap(v.mem)
	_ = unix.Close(v.fd)
}
