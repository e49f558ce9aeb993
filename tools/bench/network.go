package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// A host is a network namespace that the bench opens sockets in: its own, that
// of another host, a container's. It is named by a process in it; 0 is our own.
type host int

// The other host of the network cases, and the bench's address towards it.
var (
	outside = netip.MustParseAddr("203.0.113.2")
	inside  = netip.MustParseAddr("203.0.113.1")
)

var networkTitles = map[string]string{
	"published-bulk":       "256 MiB from another host to a published port",
	"published-trip":       "One byte from another host to a published port and back",
	"published-local-bulk": "256 MiB to a port published on 127.0.0.1",
	"published-local-trip": "One byte to a port published on 127.0.0.1 and back",
	"published-six-bulk":   "256 MiB to a port published on [::1], through a proxy",
	"published-six-trip":   "One byte to a port published on [::1] and back",
	"names":                "Question for a container's name at 127.0.0.11",
}

// servicePort is where the bench serves in every namespace.
const servicePort = "80"

// A way is one way for bytes to go from a client to a server.
type way struct {
	tool    string // the row
	from    host
	address string
}

// network measures published ports and names.
func (b *bench) network(rounds int) (results []result, err error) {
	world, stop, err := otherHost()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	var published []way // the host's port of each tool
	for i, t := range b.tools {
		d, ok := t.(interface {
			tool
			serve(name string, flags ...string) (host, error)
		})
		if !ok {
			continue
		}
		port := strconv.Itoa(8081 + i)
		at, err := d.serve("bench-port", "--publish", port+":"+servicePort)
		if err != nil {
			fmt.Fprintf(os.Stderr, "without a published port of %s: %v\n", t.name(), err)
			continue
		}
		defer func() { err = errors.Join(err, t.remove("bench-port")) }()
		end, err := at.serve()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.name(), err)
		}
		defer end()
		published = append(published, way{tool: t.name(), address: port})
	}
	for _, at := range []host{0, world} {
		end, err := at.serve()
		if err != nil {
			return nil, err
		}
		defer end()
	}
	for _, c := range []struct {
		name, ip string
		from     host
		bare     way // without a container
	}{
		{"published", inside.String(), world, way{"a veth pair alone", world, net.JoinHostPort(inside.String(), servicePort)}},
		{"published-local", "127.0.0.1", 0, way{"a veth pair alone", 0, net.JoinHostPort(outside.String(), servicePort)}},
		{"published-six", "::1", 0, way{"loopback alone", 0, net.JoinHostPort("::1", servicePort)}},
	} {
		ways := []way{c.bare}
		for _, p := range published {
			ways = append(ways, way{p.tool, c.from, net.JoinHostPort(c.ip, p.address)})
		}
		some, err := alternate(c.name, ways, rounds)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		results = append(results, some...)
	}
	names, err := b.names(rounds)
	return append(results, names...), err
}

// alternate takes the ways in turn: bytes in bulk, and one byte there and back.
func alternate(name string, ways []way, rounds int) ([]result, error) {
	bulk, trips := make([]result, len(ways)), make([]result, len(ways))
	for round := range rounds + 1 {
		for i, w := range ways {
			took, err := w.from.push(w.address)
			if err != nil {
				if round == 0 {
					fmt.Fprintf(os.Stderr, "case %s: without %s: %v\n", name, w.tool, err)
					return alternate(name, append(ways[:i:i], ways[i+1:]...), rounds)
				}
				return nil, fmt.Errorf("%s: %w", w.tool, err)
			}
			trip, err := w.from.trip(w.address)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", w.tool, err)
			}
			if round > 0 {
				bulk[i].took, trips[i].took = append(bulk[i].took, took), append(trips[i].took, trip)
			}
		}
	}
	for i, w := range ways {
		bulk[i].summarize(name+"-bulk", w.tool)
		trips[i].summarize(name+"-trip", w.tool)
		trips[i].micro()
	}
	return append(bulk, trips...), nil
}

// otherHost makes a network namespace that is joined to ours by a veth pair.
func otherHost() (host, func() error, error) {
	cmd := exec.Command("unshare", "--net", "sh", "-c", "echo; exec sleep infinity")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, nil, err
	}
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	stop := func() error {
		err := cmd.Process.Kill()
		_ = cmd.Wait() // ended by the signal
		return err
	}
	pid := strconv.Itoa(cmd.Process.Pid)
	there := []string{"nsenter", "--net=/proc/" + pid + "/ns/net"}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil { // it says so when it is there
		return 0, nil, errors.Join(fmt.Errorf("make a network namespace: %w", err), stop())
	}
	for _, args := range [][]string{
		strings.Fields("ip link add up0 type veth peer name up1 netns " + pid),
		strings.Fields("ip addr add " + inside.String() + "/24 dev up0"),
		strings.Fields("ip link set up0 up"),
		append(there, strings.Fields("ip addr add "+outside.String()+"/24 dev up1")...),
		append(there, strings.Fields("ip link set up1 up")...),
	} {
		if err := quiet(args...); err != nil {
			return 0, nil, errors.Join(err, stop())
		}
	}
	return host(cmd.Process.Pid), stop, nil
}
