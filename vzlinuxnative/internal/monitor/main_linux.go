package monitor

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/engine/direct"
	"vz.internal/vzlinuxnative/internal/engine/libct"
	"vz.internal/vzlinuxnative/internal/ocispec"
	"vz.internal/vzlinuxnative/internal/process"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/wire"
	"vz.internal/vzlinuxnative/network"
)

// ConnFD is the descriptor that a monitor inherits: the connection to who
// starts the container. The first message on it says which one.
const ConnFD = 3

// Socket is the name of the socket in a container's runtime directory.
const Socket = "monitor.sock"

// Main is the program of a monitor. It returns the exit code of the process.
func Main(args []string) int {
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
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *home == "" || *runDir == "" {
		return errors.New("this program is started by vz, with --home and --run")
	}
	unix.CloseOnExec(ConnFD)
	if err := process.CloseInherited(ConnFD + 1); err != nil {
		return err
	}
	first, err := wire.FileConn(os.NewFile(ConnFD, "vz"))
	if err != nil {
		return fmt.Errorf("connection to vz: %w", err)
	}
	m := &monitor{
		store: record.New(*home), home: *home,
		engine: direct.New(libct.New()), wake: make(chan struct{}, 1),
	}
	m.nets = network.Open(m.networkOptions(*runDir, len(args)))
	m.changed = sync.NewCond(&m.mu)
	m.openEvents()
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	warm()
	msg, files, err := first.Receive()
	for err == nil && msg.Op == wire.Ready {
		answer(first, msg, nil)
		msg, files, err = first.Receive()
	}
	if errors.Is(err, io.EOF) {
		return nil // nobody needed this monitor
	}
	if err != nil {
		return err
	}
	if msg.Op != wire.Start || !msg.Lock || len(msg.ID) != record.IDLength {
		return errors.New("the first request is no start")
	}
	m.id, m.dir, m.lock = msg.ID, filepath.Join(*runDir, "containers", msg.ID), files[0]
	msg.Lock = false // taken
	l, err := m.listen()
	if err != nil {
		answer(first, msg, err)
		return err
	}
	return m.live(l, newRequest(first, msg, files[1:]))
}

// warm does ahead of time what every start needs: the monitor may be there
// before it is known for which container.
func warm() {
	for _, v := range []any{new(record.Config), new(record.State), new(wire.Message)} {
		_ = json.Unmarshal([]byte("{}"), v) // types are looked at once
		_, _ = json.Marshal(v)
	}
	ocispec.Warm()
	_, _ = cgroup.At("/vz/warm") // finds the hierarchies
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
