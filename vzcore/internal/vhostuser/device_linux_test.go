package vhostuser

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func newDevice(t *testing.T) *Device {
	t.Helper()
	d, err := New(3)
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestNewRefusesReservedContexts(t *testing.T) {
	for _, cid := range []uint64{0, 1, 2, 1<<32 - 1, 1 << 40} {
		_, err := New(cid)
		require.Error(t, err, cid)
	}
}

// TestRings carries 50 streams both ways through rings in shared memory.
func TestRings(t *testing.T) {
	d := newDevice(t)
	v := newDriver(t, d)
	l, err := v.guest.listen(7)
	require.NoError(t, err)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			sent := make([]byte, 100<<10)
			_, _ = rand.Read(sent)
			c, err := d.Dial(t.Context(), 7) // waits for the driver
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			go func() {
				_, _ = c.Write(sent)
				_ = c.CloseWrite()
			}()
			if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	v.setUp()
	v.run()
	wait.Wait()
	require.NoError(t, l.Close())
}

// running returns a driver that runs and both ends of a connection with its guest's port 7.
func running(t *testing.T) (d *Device, v *driver, host, guest net.Conn) {
	t.Helper()
	d = newDevice(t)
	v = newDriver(t, d)
	l, err := v.guest.listen(7)
	require.NoError(t, err)
	v.setUp()
	v.run()
	host, err = d.Dial(t.Context(), 7)
	require.NoError(t, err)
	guest, err = l.Accept()
	require.NoError(t, err)
	return d, v, host, guest
}

// TestMemoryMoves replaces the memory table while a stream runs, as hot plug does.
func TestMemoryMoves(t *testing.T) {
	_, v, c, g := running(t)
	for range 20 {
		_, err := c.Write([]byte("hello"))
		require.NoError(t, err)
		v.acknowledged(setMemTable, memoryTable(), v.fd)
		got := make([]byte, 5)
		_, err = readFull(g, got)
		require.NoError(t, err)
		_, err = g.Write(got)
		require.NoError(t, err)
		_, err = readFull(c, got)
		require.NoError(t, err)
		require.Equal(t, "hello", string(got))
	}
}

// TestPause halts the rings in the middle of a stream, as QEMU does while its machine is
// paused: nothing is lost. A driver that begins anew ends what was.
func TestPause(t *testing.T) {
	d, v, c, g := running(t)
	sent := make([]byte, 1<<20)
	_, _ = rand.Read(sent)
	written := make(chan error, 1)
	go func() {
		_, err := c.Write(sent)
		written <- err
	}()
	got := make([]byte, len(sent))
	for part := range 8 {
		size := len(got) / 8
		_, err := readFull(g, got[part*size:(part+1)*size])
		require.NoError(t, err)
		bases := v.halt()
		late, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, err = d.Dial(late, 7)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded, "a paused guest")
		v.goOn(bases)
	}
	require.NoError(t, <-written)
	require.Equal(t, sent, got)

	bases := v.halt()
	v.goOn([2]uint32{bases[0], bases[1] + 1})
	_, err := c.Read(got)
	require.ErrorIs(t, err, errDetached)
}

func TestConfigHasTheContext(t *testing.T) {
	v := newDriver(t, newDevice(t))
	defer v.close()
	ask := func(offset, size uint32, room int) []byte {
		return append(le.AppendUint32(le.AppendUint32(le.AppendUint32(nil, offset), size), 0), make([]byte, room)...)
	}
	require.EqualValues(t, 3, le.Uint64(v.send(getConfig, ask(0, 8, 8), true)[12:]))
	for _, bad := range [][]byte{ask(0, 9, 9), ask(9, 0, 0), ask(1<<31, 1<<31, 8), ask(0, 8, 0), nil} {
		require.Equal(t, []byte{1, 0, 0, 0, 0, 0, 0, 0}, v.send(getConfig, bad, true))
	}
}

// TestHostileMessages sends what no QEMU should. Nothing may panic, no descriptor
// may be left.
func TestHostileMessages(t *testing.T) {
	var kicks []int
	kick := func() int {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
		require.NoError(t, err)
		kicks = append(kicks, fd)
		return fd
	}
	table := func(n int, change func([]byte)) []byte {
		p := memoryTable()
		le.PutUint32(p, uint32(n))
		change(p)
		return p
	}
	nothing := func([]byte) {}
	address := func(index uint32, desc, used, avail uint64) []byte {
		return append(pairOf(index, 0), words(desc, used, avail, 0)...)
	}
	tests := []struct {
		name string
		send func(v *driver)
	}{
		{"unknown request", func(v *driver) { v.send(99, nil, false) }},
		{"too long", func(v *driver) { v.send(setOwner, make([]byte, maxMessage+1), false) }},
		{"short table", func(v *driver) { v.send(setMemTable, []byte{1}, false, v.fd) }},
		{"no regions", func(v *driver) { v.send(setMemTable, table(0, nothing), false) }},
		{"fewer descriptors", func(v *driver) { v.send(setMemTable, table(1, nothing), false) }},
		{"more descriptors", func(v *driver) { v.send(setMemTable, table(1, nothing), false, v.fd, v.fd) }},
		{"far more descriptors", func(v *driver) {
			v.send(setMemTable, table(1, nothing), false, v.fd, v.fd, v.fd, v.fd, v.fd, v.fd, v.fd, v.fd, v.fd, v.fd, v.fd, v.fd)
		}},
		{"beyond the file", func(v *driver) {
			v.send(setMemTable, table(1, func(p []byte) { le.PutUint64(p[16:], memorySize+1) }), false, v.fd)
		}},
		{"size wraps", func(v *driver) {
			v.send(setMemTable, table(1, func(p []byte) { le.PutUint64(p[16:], 1<<64-1) }), false, v.fd)
		}},
		{"offset not aligned", func(v *driver) {
			v.send(setMemTable, table(1, func(p []byte) { le.PutUint64(p[32:], 12); le.PutUint64(p[16:], 4096) }), false, v.fd)
		}},
		{"no memory in a pipe", func(v *driver) { v.send(setMemTable, table(1, nothing), false, v.fdOfPipe()) }},
		{"ring 3", func(v *driver) { v.send(setVringNum, pairOf(3, 16), false) }},
		{"ring 3 started", func(v *driver) { v.send(setVringKick, words(3), false, kick()) }},
		{"ring 3 placed", func(v *driver) { v.send(setVringAddr, address(3, 0, 0, 0), false) }},
		{"started without memory", func(v *driver) { v.send(setVringKick, words(0), false, kick()) }},
		{"polled", func(v *driver) { v.send(setVringKick, words(0x100), false) }},
		{"kick without descriptor", func(v *driver) { v.send(setVringKick, words(0), false) }},
		{"kick with two", func(v *driver) { v.send(setVringKick, words(0), false, kick(), kick()) }},
		{"outside of the memory", func(v *driver) {
			v.place(ringSize, userBase+memorySize, userBase+rxRing+usedOff, userBase+rxRing+availOff)
		}},
		{"half outside", func(v *driver) { v.place(ringSize, userBase+memorySize-16, userBase+usedOff, userBase+availOff) }},
		{"odd", func(v *driver) { v.place(ringSize, userBase+1, userBase+usedOff, userBase+availOff) }},
		{"of length 0", func(v *driver) { v.place(0, userBase, userBase+usedOff, userBase+availOff) }},
		{"of length 3", func(v *driver) { v.place(3, userBase, userBase+usedOff, userBase+availOff) }},
		{"very long", func(v *driver) { v.place(1<<31, userBase, userBase+usedOff, userBase+availOff) }},
		{"changed while running", func(v *driver) { v.setUp(); v.send(setVringNum, pairOf(0, 8), false) }},
		{"moved while running", func(v *driver) { v.setUp(); v.send(setVringAddr, address(0, userBase, userBase, userBase), false) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := newDriver(t, newDevice(t))
			before := openFiles(t)
			tt.send(v)
			require.Error(t, <-v.ended)
			v.ended <- nil
			for _, f := range v.events {
				_ = f.Close()
			}
			closeFDs(kicks)
			kicks = nil
			require.Less(t, openFiles(t), before, "the device has closed its end and all that it got")
			v.close()
		})
	}
}

// place puts ring 0 somewhere and starts it.
func (v *driver) place(num uint32, desc, used, avail uint64) {
	v.acknowledged(setMemTable, memoryTable(), v.fd)
	v.acknowledged(setVringNum, pairOf(0, num))
	v.acknowledged(setVringAddr, append(pairOf(0, 0), words(desc, used, avail, 0)...))
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	require.NoError(v.t, err)
	defer unix.Close(fd)
	v.send(setVringKick, words(0), false, fd)
}

func (v *driver) fdOfPipe() int {
	r, w, err := os.Pipe()
	require.NoError(v.t, err)
	v.events[0], v.events[1] = r, w
	return v.fdOf(0)
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(list)
}
