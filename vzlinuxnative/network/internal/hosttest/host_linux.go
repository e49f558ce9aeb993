package hosttest

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"vz.internal/vzlinuxnative/internal/testreq"
)

const variable = "VZ_TEST_HOST"

// Enter runs the test again in a process with a network namespace of its own,
// in which Enter returns true. In the first process it returns false when that
// has ended: the test returns then.
func Enter(t testing.TB) bool {
	t.Helper()
	if os.Getenv(variable) == t.Name() {
		up(t, 1)
		// A new namespace may inherit the real host's settings.
		for _, name := range []string{"ipv4/ip_forward", "ipv6/conf/all/forwarding"} {
			if err := os.WriteFile("/proc/sys/net/"+name, []byte("0"), 0); err != nil {
				t.Fatal(err)
			}
		}
		return true
	}
	testreq.Net(t)
	if b, ok := t.(*testing.B); ok && b.N > 1 {
		return false // was run with N = 1
	}
	args := []string{"-test.run=" + pattern(t.Name()), "-test.v"}
	if _, ok := t.(*testing.B); ok {
		args = []string{"-test.run=^$", "-test.bench=" + pattern(t.Name()), "-test.benchtime=1x", "-test.v"}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), variable+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // Pdeathsig is the thread's
	defer runtime.UnlockOSThread()
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	case bytes.Contains(out, []byte("--- SKIP: "+t.Name()+" ")):
		t.Skipf("%s", out)
	default:
		t.Logf("%s", out)
	}
	return false
}

// pattern matches exactly a test's name.
func pattern(name string) string {
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		parts = append(parts, "^"+regexp.QuoteMeta(part)+"$")
	}
	return strings.Join(parts, "/")
}

// Namespace makes a network namespace, closed at the end of the test.
func Namespace(t testing.TB) *os.File {
	t.Helper()
	f, err := Unshare()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// Unshare makes a network namespace, which lives as long as its file is open.
func Unshare() (*os.File, error) {
	type result struct {
		f   *os.File
		err error
	}
	made := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies with it
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			made <- result{nil, err}
			return
		}
		f, err := os.Open("/proc/thread-self/ns/net")
		made <- result{f, err}
	}()
	r := <-made
	return r.f, r.err
}

// In runs do on a thread in ns. Sockets that do opens stay in ns.
func In(t testing.TB, ns *os.File, do func() error) error {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- do()
	}()
	return <-done
}

// Outside connects the test's host to a namespace that stands for the rest of
// the world: the host is 203.0.113.1 and 2001:db8::1 on interface up0, the
// world 203.0.113.2 and 2001:db8::2, and the host's default route leads there.
func Outside(t testing.TB) *os.File {
	t.Helper()
	world := Namespace(t)
	check := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	check(netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "up0", MTU: 1400}, PeerName: "eth0", PeerNamespace: netlink.NsFd(int(world.Fd()))}))
	l, err := netlink.LinkByName("up0")
	check(err)
	add(t, l, "203.0.113.1/24", "2001:db8::1/64")
	up(t, l.Attrs().Index)
	check(In(t, world, func() error {
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		add(t, l, "203.0.113.2/24", "2001:db8::2/64")
		up(t, l.Attrs().Index)
		up(t, 1)
		return nil
	}))
	for _, gw := range []string{"203.0.113.2/32", "2001:db8::2/128"} {
		a, err := netlink.ParseAddr(gw)
		check(err)
		check(netlink.RouteAdd(&netlink.Route{LinkIndex: l.Attrs().Index, Gw: a.IP}))
	}
	return world
}

func add(t testing.TB, l netlink.Link, addresses ...string) {
	for _, s := range addresses {
		a, err := netlink.ParseAddr(s)
		if err == nil {
			if a.IP.To4() == nil {
				a.Flags = unix.IFA_F_NODAD
			}
			err = netlink.AddrAdd(l, a)
		}
		if err != nil {
			t.Errorf("address %s: %v", s, err)
		}
	}
}

func up(t testing.TB, index int) {
	if err := netlink.LinkSetUp(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: index}}); err != nil {
		t.Errorf("set link %d up: %v", index, err)
	}
}
