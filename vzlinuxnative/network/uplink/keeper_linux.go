package uplink

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/process"
	"vz.internal/vzlinuxnative/rootless"
)

// The descriptors that a keeper inherits.
const (
	listenerFD  = 3
	namespaceFD = 4
)

const (
	startTime = 20 * time.Second // in which a program has to be ready
	linger    = 2 * time.Second  // for whom comes soon after the last
	settled   = 10 * time.Second // after which a program that ends is started again by itself, again
)

// A word is what a keeper says, as a line of JSON. The first is about the start.
type word struct {
	// Program is the name of the program that leads Namespace ("net:[4026531833]") out.
	Program   string `json:"program,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Failed    string `json:"failed,omitempty"` // why there is none
	Note      string `json:"note,omitempty"`   // what happened later
}

type keeper struct {
	dir   string // by its descriptor: other things are mounted over its path
	netns string // a path of the namespace
	inode string // its number
	l     *net.UnixListener
	idle  *time.Timer

	mu      sync.Mutex
	clients map[net.Conn]bool // guarded by mu
	up      *running          // guarded by mu; nil while nothing leads out
	again   time.Time         // guarded by mu; when a program was started again last
}

// Main is the program of a keeper: of the uplinks kept in --dir, for the namespace that
// is descriptor 4, with the listening socket that is descriptor 3. It must be alone in
// its mount namespace. It returns
// the exit code of the process if it fails.
func Main(args []string) int {
	fmt.Fprintln(os.Stderr, "vz uplink:", keep(args))
	return 1
}

// keep returns why it could not begin, or not go on; idle, it ends the process.
func keep(args []string) error {
	flags := flag.NewFlagSet("uplink", flag.ContinueOnError)
	dir := flags.String("dir", "", "directory of the socket")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *dir == "" {
		return errors.New("this program is started by vz, with --dir")
	}
	if err := process.CloseInherited(namespaceFD + 1); err != nil {
		return err
	}
	file := os.NewFile(listenerFD, "listener")
	l, err := net.FileListener(file)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	_ = file.Close()
	unix.CloseOnExec(namespaceFD)
	where, err := unix.Open(*dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", *dir, err)
	}
	k := &keeper{dir: fmt.Sprintf("/proc/self/fd/%d", where), l: l.(*net.UnixListener), clients: map[net.Conn]bool{}}
	k.l.SetUnlinkOnClose(false)
	if k.inode, err = os.Readlink(fmt.Sprintf("/proc/self/fd/%d", namespaceFD)); err != nil {
		return err
	}
	if k.netns, err = showNamespace(filepath.Clean(*dir)); err != nil {
		return err
	}
	k.idle = time.AfterFunc(linger, k.end)
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go k.serve(c)
	}
}

// showNamespace gives the namespace a path, in the mount namespace of this process alone,
// so that nothing is left of it. AppArmor's profile of pasta lets it open what is in
// /run/user/UID/netns.
func showNamespace(dir string) (path string, err error) {
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return "", fmt.Errorf("private mounts: %w", err)
	}
	below := ""
	const runtime = "/run/user"
	if info, err := os.Stat(runtime); err == nil && info.IsDir() {
		uid, ok := rootless.User()
		if !ok {
			uid = os.Getuid()
		}
		dir, below = runtime, strconv.Itoa(uid)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0755,size=1m"); err != nil {
		return "", fmt.Errorf("private %s: %w", dir, err)
	}
	path = filepath.Join(dir, below, "netns", "vz")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return "", err
	}
	if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", namespaceFD), path, "", unix.MS_BIND, ""); err != nil {
		return "", fmt.Errorf("give the network namespace a path: %w", err)
	}
	return path, nil
}

// serve holds the uplink for one client, as long as it is connected.
func (k *keeper) serve(c net.Conn) {
	defer c.Close()
	k.mu.Lock()
	k.clients[c] = true
	first := word{Namespace: k.inode}
	if err := k.raise(); err != nil {
		first.Failed = err.Error()
	} else {
		first.Program = k.up.name
	}
	say(c, first)
	k.mu.Unlock()
	_, _ = c.Read(make([]byte, 1)) // nothing comes but its end
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.clients, c)
	k.idle.Reset(linger)
}

// raise makes that the namespace is led out. The caller holds k.mu.
func (k *keeper) raise() error {
	if k.up != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	up, err := start(ctx, k.netns)
	if err != nil {
		return err
	}
	k.up = up
	go k.watch(up)
	return nil
}

// watch starts a program again that has ended, if that is likely to help, and tells.
func (k *keeper) watch(up *running) {
	<-up.done
	k.mu.Lock()
	defer k.mu.Unlock()
	k.up = nil
	note := fmt.Sprintf("%s, which leads containers' networks out: %v", up.name, up.err)
	soon := time.Since(k.again) < settled
	k.again = time.Now()
	if soon {
		note += "; that is too soon, so the next container starts it again"
	} else if err := k.raise(); err != nil {
		note += "; it could not be started again: " + err.Error()
	} else {
		note += "; " + k.up.name + " was started again, connections are lost"
	}
	for c := range k.clients {
		say(c, word{Note: note})
	}
}

// say writes to a client, which need not listen.
func say(c net.Conn, w word) {
	line, err := json.Marshal(w)
	if err != nil {
		return
	}
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = c.Write(append(line, '\n'))
}

// end ends the process when nobody has come for a while, and nobody is coming: who does
// holds the lock until its connection counts.
func (k *keeper) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.clients) > 0 {
		return // who resets the timer when it goes
	}
	lock, err := lockFile(k.dir, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		k.idle.Reset(linger)
		return
	}
	if k.up != nil {
		_ = k.up.cmd.Process.Kill()
	}
	_ = os.Remove(socketIn(k.dir))
	if err == nil { // else the directory is gone
		_ = lock.Close()
	}
	os.Exit(0)
}
