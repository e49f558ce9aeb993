package monitor

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/engine/direct"
	"vz.internal/vzlinuxnative/internal/engine/libct"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/wire"
	"vz.internal/vzlinuxnative/network"
)

// The descriptors that a monitor inherits.
const (
	ConnFD = 3 // connection to who starts the container
	LockFD = 4 // the monitor's lock, held
)

// Socket is the name of the socket in a container's runtime directory.
const Socket = "monitor.sock"

// Main is the program of a monitor. It returns the exit code of the process.
func Main(args []string) int {
	debug.SetGCPercent(25)
	if err := execute(args); err != nil {
		fmt.Fprintln(os.Stderr, "vz-monitor:", err)
		return 1
	}
	return 0
}

func execute(args []string) error {
	flags := flag.NewFlagSet("vz-monitor", flag.ContinueOnError)
	home := flags.String("home", "", "directory of the records")
	runDir := flags.String("run", "", "directory for the socket and the engine")
	id := flags.String("id", "", "the container")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *home == "" || *runDir == "" || *id == "" {
		return errors.New("this program is started by vz, with --home, --run and --id")
	}
	for _, fd := range []int{ConnFD, LockFD} {
		unix.CloseOnExec(fd)
	}
	first, err := wire.FileConn(os.NewFile(ConnFD, "vz"))
	if err != nil {
		return fmt.Errorf("connection to vz: %w", err)
	}
	m := &monitor{
		store: record.New(*home), id: *id, home: *home, dir: filepath.Join(*runDir, "containers", *id),
		engine: direct.New(libct.New()), wake: make(chan struct{}, 1),
		nets: network.Open(network.Options{Dir: filepath.Join(*home, "networks"), RunDir: filepath.Join(*runDir, "networks")}),
	}
	m.changed = sync.NewCond(&m.mu)
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	l, err := m.listen()
	if err != nil {
		return err
	}
	return m.live(l, first)
}

func (m *monitor) listen() (*net.UnixListener, error) {
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return nil, err
	}
	l, err := wire.Listen(filepath.Join(m.dir, Socket))
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}
