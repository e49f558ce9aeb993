package uplink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/nsthread"
)

// The interface in the namespace, its addresses and those of what is behind it. MTU is
// what both programs carry at most: they end TCP connections, so no packet of that size
// gets anywhere else.
const (
	Interface = "uplink"
	MTU       = 65520

	address4, gateway4, bits4 = "169.254.77.2", "169.254.77.1", "30"
	address6, gateway6        = "fd76:7a75:706c::2", "fd76:7a75:706c::1"
)

const tunDevice = "/dev/net/tun"

// A program can lead a namespace out.
type program struct {
	name string
	// command makes the command for the namespace at path. It closes or writes to the
	// file that it returns when the namespace is led out.
	command func(binary, netns string, host families) (*exec.Cmd, *signal, error)
}

// programs are tried in this order.
var programs = []program{{"pasta", pasta}, {"slirp4netns", slirp4netns}}

// families are those for which the host has a default route.
type families struct{ ip4, ip6 bool }

// Available tells why this host cannot lead a namespace out, with what to install; nil if
// it can as far as is known. The name is that of the program that would do it, empty
// without one. The error matches vzcontract.ErrUnavailable.
func Available() (name string, err error) {
	found := installed()
	if len(found) == 0 {
		return "", vzcontract.Errorf(vzcontract.ErrUnavailable,
			"networks of an ordinary user need the program pasta (package passt) or slirp4netns, and neither is on PATH; install one, or use --network none or host")
	}
	f, err := os.OpenFile(tunDevice, os.O_RDWR, 0)
	if err != nil {
		return found[0].name, vzcontract.Errorf(vzcontract.ErrUnavailable,
			"%s needs tap devices: %w; as root: modprobe tun; chmod 666 %s", found[0].name, err, tunDevice)
	}
	return found[0].name, f.Close()
}

func installed() []program {
	var found []program
	for _, p := range programs {
		if _, err := exec.LookPath(p.name); err == nil {
			found = append(found, p)
		}
	}
	return found
}

// hostFamilies looks at the routes of the namespace that the program will be in.
func hostFamilies() families {
	has := func(family int) bool {
		routes, err := netlink.RouteList(nil, family)
		if err != nil {
			return false
		}
		for _, r := range routes {
			ones := 0
			if r.Dst != nil {
				ones, _ = r.Dst.Mask.Size()
			}
			if ones == 0 && r.Type == unix.RTN_UNICAST {
				return true
			}
		}
		return false
	}
	return families{ip4: has(netlink.FAMILY_V4), ip6: has(netlink.FAMILY_V6)}
}

// pasta is given addresses of our own instead of the host's, so that these stay the
// host's for containers, too. Nothing is forwarded by itself in either direction, and no
// address of the namespace stands for the host's loopback.
func pasta(binary, netns string, host families) (*exec.Cmd, *signal, error) {
	if !host.ip4 && !host.ip6 {
		return nil, nil, errors.New("the host has no default route")
	}
	ready, err := newFIFO()
	if err != nil {
		return nil, nil, err
	}
	args := []string{
		"--foreground", "--quiet", "--config-net", "--no-map-gw", "--no-netns-quit",
		"--tcp-ports", "none", "--udp-ports", "none", "--tcp-ns", "none", "--udp-ns", "none",
		"--ns-ifname", Interface, "--mtu", fmt.Sprint(MTU), "--pid", ready.path,
	}
	switch {
	case !host.ip6:
		args = append(args, "--ipv4-only")
	case !host.ip4:
		args = append(args, "--ipv6-only")
	}
	if host.ip4 {
		args = append(args, "--address", address4, "--netmask", bits4, "--gateway", gateway4)
	}
	if host.ip6 {
		args = append(args, "--address", address6, "--gateway", gateway6)
	}
	return exec.Command(binary, append(args, "--netns", netns)...), ready, nil
}

// slirp4netns carries IPv4 only: its IPv6 is an experiment with an address that many
// hosts' networks have, too.
func slirp4netns(binary, netns string, _ families) (*exec.Cmd, *signal, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(binary, "--configure", "--mtu", fmt.Sprint(MTU), "--cidr", "169.254.77.0/24",
		"--disable-host-loopback", "--disable-dns", "--enable-sandbox", "--enable-seccomp",
		"--ready-fd", "3", "--netns-type", "path", netns, Interface)
	cmd.ExtraFiles = []*os.File{w}
	return cmd, &signal{f: r, theirs: w}, nil
}

// A signal is how a program says that it is ready: it writes something.
type signal struct {
	f      *os.File
	theirs *os.File // nil if the program opens it by its path
	path   string
}

// newFIFO makes a signal that is given by its path.
func newFIFO() (*signal, error) {
	dir, err := os.MkdirTemp("", "vz-uplink-")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "ready")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &signal{f: f, path: path}, nil
}

// given closes what is the program's, once it has it.
func (s *signal) given() {
	if s.theirs != nil {
		_ = s.theirs.Close()
	}
}

func (s *signal) wait() error {
	_, err := s.f.Read(make([]byte, 64))
	return err
}

func (s *signal) close() {
	_ = s.f.Close()
	if s.path != "" {
		_ = os.RemoveAll(filepath.Dir(s.path))
	}
}

// start leads the namespace at netns out with the first program that can.
func start(ctx context.Context, netns string) (*running, error) {
	if _, err := Available(); err != nil {
		return nil, err
	}
	host := hostFamilies()
	var errs []error
	for _, p := range installed() {
		r, err := p.start(ctx, netns, host)
		if err == nil {
			return r, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", p.name, err))
	}
	return nil, vzcontract.Errorf(vzcontract.ErrUnavailable, "lead the network out: %w", errors.Join(errs...))
}

func (p program) start(ctx context.Context, netns string, host families) (*running, error) {
	binary, err := exec.LookPath(p.name)
	if err != nil {
		return nil, err
	}
	cmd, ready, err := p.command(binary, netns, host)
	if err != nil {
		return nil, err
	}
	defer ready.close()
	r, err := run(p.name, cmd)
	ready.given()
	if err != nil {
		return nil, err
	}
	came := make(chan error, 1)
	go func() { came <- ready.wait() }()
	select {
	case err = <-came:
		if err == nil {
			err = lengthenQueue(netns)
		}
		if err == nil {
			return r, nil
		}
		if errors.Is(err, io.EOF) {
			<-r.done // which says why
			err = r.err
		}
	case <-r.done:
		err = r.err
	case <-ctx.Done():
		err = fmt.Errorf("it is not ready in time: %w", ctx.Err())
	}
	r.stop()
	return nil, err
}

// queue is how many packets wait for the program. What is more is lost, and neither
// program has what TCP makes losses good with: at the kernel's 1000, connections of a busy
// host stall for seconds.
const queue = 20000

func lengthenQueue(netns string) error {
	ns, err := os.Open(netns)
	if err != nil {
		return err
	}
	defer ns.Close()
	return nsthread.In(ns, func() error {
		link, err := netlink.LinkByName(Interface)
		if err == nil {
			err = netlink.LinkSetTxQLen(link, queue)
		}
		if err != nil {
			return fmt.Errorf("set the queue of %s: %w", Interface, err)
		}
		return nil
	})
}

// lastWords is what a program said before it ended.
func lastWords(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "Failed to send ") { // pasta without a syslog
			kept = append(kept, line)
		}
	}
	return strings.Join(kept[max(0, len(kept)-3):], "; ")
}
