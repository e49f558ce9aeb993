package vzf

import (
	"context"
	"net"
	"os"

	"vz.internal/vzcore"
	"vz.internal/vzcore/macos"
)

// A framework makes guests: Virtualization.framework, or a fake.
type framework interface {
	// version is that of macOS with its build, such as "14.5 (23F79)".
	version() (string, error)
	// release is the number of macOS, such as 14.
	release() (int, error)
	// nested tells whether guests can have guests.
	nested() bool
	// open makes a guest that is stopped. cable, the guest's end of a user network, is
	// used until the guest has ended, by its number: it must stay open.
	open(p plan, cable *os.File) (guest, error)
	installer
}

// An installer installs macOS. Methods block; install alone can be interrupted.
type installer interface {
	// latest is the address of Apple's newest restore image for this Mac.
	latest() (string, error)
	// requirements are those of the guest in a restore image; without a processor there is
	// none that this Mac can run.
	requirements(path string) (macos.Requirements, error)
	// identify makes the auxiliary storage of a new machine at path and returns its id.
	identify(model []byte, path string) ([]byte, error)
	// install installs a restore image on the machine of p. progress gets 0 to 1.
	install(ctx context.Context, p plan, path string, progress func(float64)) error
}

// A guest is a machine of the framework, which does what it is told in turn. Methods
// block and cannot be interrupted.
type guest interface {
	// next waits for the next phase that the guest comes to, in order, and returns false
	// when until is closed.
	next(until <-chan struct{}) (phase, bool)
	start() error
	pause() error
	resume() error
	requestStop() error
	stop() error
	// savable says why a guest like this one cannot be saved.
	savable() error
	// save writes a paused guest to a file.
	save(path string) error
	// restore makes a stopped guest a paused one.
	restore(path string) error
	// identity is what tells the machine from others, kept with a saved one.
	identity() []byte
	connect(port uint32) (vzcore.Conn, error)
	// listen returns a listener whose Accept may not return after its Close.
	listen(port uint32) (net.Listener, error)
	setMemory(bytes uint64) error
}

// A phase is what matters of a guest's state.
type phase int

const (
	phaseStopped phase = iota
	phaseLive          // all between a start and an end
	phaseFailed
)

// rawField is the field of the library's VirtioSocketConnection that holds its socket.
const rawField = "rawConn"
