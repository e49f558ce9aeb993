package vhostuser

import (
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A peer is one side of a ring that hands over buffers and sleeps when it waits for
// the other side, as the flags of the ring allow.
type peer struct {
	bell  chan struct{}
	slept int
}

func (p *peer) ring() {
	select {
	case p.bell <- struct{}{}:
	default:
	}
}

func (p *peer) sleep(t *testing.T) bool {
	p.slept++
	select {
	case <-p.bell:
		return true
	case <-time.After(time.Minute):
		t.Error("a wake-up is lost: both sides wait")
		return false
	}
}

// TestRingOrder passes buffers through a ring between two threads, each of which
// sleeps whenever it has nothing to do and wakes the other only if that has asked for
// it. Under the race detector it shows, whatever the processor, that each plain access
// to shared memory lies between atomic ones.
func TestRingOrder(t *testing.T) {
	const count = 200_000
	bytes := make([]byte, 1<<16) // of the heap, where the race detector looks
	m := memory{{guest: guestBase, user: userBase, bytes: bytes}}
	r, err := newRing(m, ringSize, userBase, userBase+availOff, userBase+usedOff, 0)
	require.NoError(t, err)
	device, driver := &peer{bell: make(chan struct{}, 1)}, &peer{bell: make(chan struct{}, 1)}
	var wait sync.WaitGroup
	wait.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var buffers [][]byte
		for n := uint32(0); n < count; {
			r.listen(false)
			did := false
			for {
				head, got, ok, err := r.pop(m, false, buffers)
				if err != nil {
					t.Error(err)
					return
				}
				if !ok {
					break
				}
				if value := le.Uint32(got[0]); value != n || len(got[0]) != 4+int(n%8) {
					t.Errorf("buffer %d holds %d in %d bytes", n, value, len(got[0]))
					return
				}
				buffers, did = got, true
				r.push(head, n)
				n++
				if n%4 == 0 && r.wantsInterrupt() { // not after each one, so that used buffers pile up
					driver.ring()
				}
			}
			if did && r.wantsInterrupt() {
				driver.ring()
			}
			r.listen(true)
			if n < count && !r.available() && !device.sleep(t) {
				return
			}
		}
	})
	wait.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		drive(t, bytes, count, driver, device)
	})
	wait.Wait()
	t.Logf("%d buffers, the device slept %d times and the driver %d", count, device.slept, driver.slept)
	require.NotZero(t, device.slept)
	require.NotZero(t, driver.slept)
}

// drive is the guest's side of TestRingOrder.
func drive(t *testing.T, bytes []byte, count uint32, driver, device *peer) {
	desc, avail, used := bytes, bytes[availOff:], bytes[usedOff:]
	given, taken := uint32(0), uint32(0)
	listen := func(on bool) {
		flags := uint32(availNoInterrupt)
		if on {
			flags = 0
		}
		store(avail, uint32(uint16(given))<<16|flags)
	}
	for taken < count {
		listen(false)
		for given < count && given-taken < ringSize {
			head := given % ringSize
			buffer := 0x8000 + int(head)*16
			le.PutUint32(bytes[buffer:], given)
			d := desc[head*descSize:]
			le.PutUint64(d, guestBase+uint64(buffer))
			le.PutUint32(d[8:], 4+given%8)
			le.PutUint16(avail[4+2*head:], uint16(head))
			given++
			listen(false)
			if load(used)&usedNoNotify == 0 {
				device.ring()
			}
		}
		for uint16(load(used)>>16) != uint16(taken) {
			e := used[4+8*(taken%ringSize):]
			if head, n := le.Uint32(e), le.Uint32(e[4:]); head != taken%ringSize || n != taken {
				t.Errorf("used buffer %d is %d with %d", taken, head, n)
				return
			}
			taken++
		}
		listen(true)
		full := given == count || given-taken == ringSize
		if taken < count && full && uint16(load(used)>>16) == uint16(taken) && !driver.sleep(t) {
			return
		}
	}
}

// TestRingSleepOrder has the device announce its sleep and look once more while the
// driver hands over a buffer and looks whether the device sleeps: one of the two must
// see the other. Without a barrier between store and load both may miss it, on x86
// too. Two threads do so in step, in one ring after the other, for a second.
func TestRingSleepOrder(t *testing.T) {
	const cells, stride = 1024, 256
	bytes := make([]byte, cells*stride)
	rings := make([]ring, cells)
	looked, told := make([]bool, cells), make([]bool, cells)
	total, together := 0, 0
	for begin := time.Now(); time.Since(begin) < time.Second; total += cells {
		for i := range rings {
			at := bytes[i*stride:]
			rings[i] = ring{num: 1, avail: at[:64], used: at[128:192]}
			store(rings[i].avail, 0)
			rings[i].listen(false)
		}
		var wait sync.WaitGroup
		var steps [2]atomic.Int64
		side := func(n int, act func(i int)) {
			wait.Go(func() {
				for i := range cells {
					for steps[n].Add(1); steps[1-n].Load() <= int64(i); {
					}
					act(i)
				}
			})
		}
		side(0, func(i int) {
			rings[i].listen(true)
			looked[i] = rings[i].available()
		})
		side(1, func(i int) {
			store(rings[i].avail, 1<<16)
			told[i] = load(rings[i].used)&usedNoNotify == 0
		})
		wait.Wait()
		for i := range rings {
			require.True(t, looked[i] || told[i], "after %d rings: the device sleeps and the driver does not wake it", total)
			if looked[i] && told[i] {
				together++
			}
		}
	}
	t.Logf("in %d of %d rings each saw the other", together, total)
}

// TestRingOnArm64 compiles the ring for arm64, whose processors reorder what those of
// x86 do not, and looks for the instructions that order its words.
func TestRingOnArm64(t *testing.T) {
	program, err := exec.LookPath("go")
	if err != nil {
		t.Skip("needs the go command")
	}
	build := exec.Command(program, "build", "-gcflags=-S", ".")
	build.Env = append(build.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	text, err := build.CombinedOutput()
	require.NoError(t, err, string(text))
	functions := map[string]string{}
	name := ""
	for line := range strings.Lines(string(text)) {
		if first, _, ok := strings.Cut(line, " STEXT"); ok {
			name = first[strings.LastIndex(first, ".(")+1:]
		}
		functions[name] += line
	}
	for name, want := range map[string][]string{
		"(*ring).available":      {"LDARW"},
		"(*ring).wantsInterrupt": {"LDARW"},
		"(*ring).listen":         {"STLRW"},
		"(*ring).push":           {"STLRW"},
	} {
		for _, instruction := range want {
			require.Contains(t, functions[name], "\t"+instruction+"\t", name)
		}
	}
}
