package vzf

import (
	"errors"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
)

// A fakeFramework makes guests that obey the rules of Apple's.
type fakeFramework struct {
	installer
	major   int
	nests   bool
	refuses error // of open

	mu     sync.Mutex
	guests []*fakeGuest
}

func (f *fakeFramework) version() (string, error) { return "14.5 (23F79)", nil }
func (f *fakeFramework) release() (int, error)    { return f.major, nil }
func (f *fakeFramework) nested() bool             { return f.nests }

func (f *fakeFramework) open(p plan, cable *os.File) (guest, error) {
	if f.refuses != nil {
		return nil, f.refuses
	}
	g := &fakeGuest{plan: p, cable: cable, phases: make(chan phase, 16), hold: map[string]chan struct{}{}, fail: map[string]error{}, entered: make(chan string, 16)}
	if g.name = p.boot.identity; len(g.name) == 0 {
		g.name = []byte("made up")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.guests = append(f.guests, g)
	return g, nil
}

// last is the guest of the present run.
func (f *fakeFramework) last() *fakeGuest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.guests[len(f.guests)-1]
}

// A fakeGuest does what it is told unless it is told to wait or fail.
type fakeGuest struct {
	plan    plan
	cable   *os.File
	name    []byte
	phases  chan phase
	entered chan string // each step as it begins

	mu    sync.Mutex
	state string // "", running, paused, stopped, or what a step is called
	hold  map[string]chan struct{}
	fail  map[string]error
	done  []string
	inner []*fakeListener
}

// step does a step from one state to another.
func (g *fakeGuest) step(name, from, to string) error {
	g.mu.Lock()
	hold, err := g.hold[name], g.fail[name]
	g.mu.Unlock()
	g.entered <- name
	if hold != nil {
		<-hold
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		return err
	}
	if from != "" && g.state != from {
		return &failure{domainFramework, codeTransition, "a wrong transition from " + g.state + " by " + name}
	}
	g.done = append(g.done, name)
	g.state = to
	switch to {
	case "stopped":
		g.phases <- phaseStopped
	default:
		g.phases <- phaseLive
	}
	return nil
}

func (g *fakeGuest) steps() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.done...)
}

// block has a step wait until the returned function is called.
func (g *fakeGuest) block(name string) (release func()) {
	ch := make(chan struct{})
	g.mu.Lock()
	g.hold[name] = ch
	g.mu.Unlock()
	return sync.OnceFunc(func() {
		g.mu.Lock()
		delete(g.hold, name)
		g.mu.Unlock()
		close(ch)
	})
}

func (g *fakeGuest) next(until <-chan struct{}) (phase, bool) {
	select {
	case p := <-g.phases:
		return p, true
	case <-until:
		return 0, false
	}
}

func (g *fakeGuest) start() error       { return g.step("start", "", "running") }
func (g *fakeGuest) pause() error       { return g.step("pause", "running", "paused") }
func (g *fakeGuest) resume() error      { return g.step("resume", "paused", "running") }
func (g *fakeGuest) requestStop() error { return g.step("request stop", "running", "stopped") }
func (g *fakeGuest) stop() error        { return g.step("stop", "", "stopped") }
func (g *fakeGuest) savable() error     { return g.fail["savable"] }
func (g *fakeGuest) identity() []byte   { return g.name }

func (g *fakeGuest) save(path string) error {
	if err := g.step("save", "paused", "paused"); err != nil {
		return err
	}
	return os.WriteFile(path, []byte("saved"), 0o644)
}

func (g *fakeGuest) restore(path string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	return g.step("restore", "", "paused")
}

func (g *fakeGuest) setMemory(uint64) error { return g.step("set memory", "running", "running") }

func (g *fakeGuest) connect(uint32) (vzcore.Conn, error) {
	if err := g.step("connect", "running", "running"); err != nil {
		return nil, err
	}
	return newFakeConn(), nil
}

func (g *fakeGuest) listen(uint32) (net.Listener, error) {
	l := &fakeListener{conns: make(chan net.Conn, 2*backlog)}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inner = append(g.inner, l)
	return l, nil
}

// A fakeListener never returns from Accept without a connection, as Apple's.
type fakeListener struct {
	conns  chan net.Conn
	closed bool
}

func (l *fakeListener) Accept() (net.Conn, error) { return <-l.conns, nil }
func (l *fakeListener) Close() error              { l.closed = true; return nil }
func (l *fakeListener) Addr() net.Addr            { return address{hostCID, 0} }

// A fakeConn tells when it is closed.
type fakeConn struct {
	net.Conn
	closed chan struct{}
	once   sync.Once
}

func newFakeConn() *fakeConn { return &fakeConn{closed: make(chan struct{})} }

func (c *fakeConn) CloseWrite() error { return nil }
func (c *fakeConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// linux is a configuration of a Linux guest with files that exist.
func linux(t *testing.T) config.Config {
	t.Helper()
	c := config.Default()
	c.Boot.Kernel = t.TempDir() + "/kernel"
	require.NoError(t, os.WriteFile(c.Boot.Kernel, []byte("kernel"), 0o644))
	c.Network.Kind = config.NetworkNone
	return c
}

// open returns a VM over a fake framework.
func open(t *testing.T, c config.Config) (*vzcore.VM, *fakeFramework) {
	t.Helper()
	f := &fakeFramework{major: 14}
	d, err := newDriver(f)
	require.NoError(t, err)
	vm, err := vzcore.New(d, c, t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { _ = vm.Close() })
	return vm, f
}

var errBroken = errors.New("broken")
