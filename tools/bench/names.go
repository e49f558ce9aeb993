package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// names measures a question for a container's name, asked in another container
// of the same network at docker's address for it.
func (b *bench) names(rounds int) (results []result, err error) {
	const network, resolver = "bench-names", "127.0.0.11:53"
	asked := map[string]net.Conn{}
	var order []string
	for _, t := range b.tools {
		d, ok := t.(interface {
			tool
			command(args ...string) []string
			serve(name string, flags ...string) (host, error)
		})
		if !ok || t.name() == "podman" { // its resolver is elsewhere, and optional
			continue
		}
		if err := quiet(d.command("network", "create", network)...); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, quiet(d.command("network", "rm", network)...)) }()
		var at host
		for _, name := range []string{"bench-asked", "bench-asks"} {
			if at, err = d.serve(name, "--network", network); err != nil {
				return nil, fmt.Errorf("%s: %w", t.name(), err)
			}
			defer func() { err = errors.Join(err, t.remove(name)) }()
		}
		var c net.Conn
		if err := at.in(func() (err error) { c, err = net.Dial("udp", resolver); return err }); err != nil {
			return nil, err
		}
		defer c.Close()
		if err := ask(c, "bench-asked"); err != nil {
			fmt.Fprintf(os.Stderr, "without names of %s: %v\n", t.name(), err)
			continue
		}
		asked[t.name()] = c
		order = append(order, t.name())
	}
	results = make([]result, len(order))
	for round := range rounds + 1 {
		for i, tool := range order {
			took, err := repeat(500, func() error { return ask(asked[tool], "bench-asked") })
			if err != nil {
				return nil, fmt.Errorf("%s: %w", tool, err)
			}
			if round > 0 {
				results[i].took = append(results[i].took, took)
			}
		}
	}
	for i, tool := range order {
		results[i].summarize("names", tool)
		results[i].micro()
	}
	return results, nil
}

// ask sends one question for an IPv4 address and wants an answer with one.
func ask(c net.Conn, name string) error {
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if _, err := c.Write(question(name)); err != nil {
		return err
	}
	buf := make([]byte, 512)
	n, err := c.Read(buf)
	if err != nil {
		return err
	}
	// The header: id, flags with the code in four bits, counts of questions and answers.
	if n < 12 || buf[3]&15 != 0 || binary.BigEndian.Uint16(buf[6:]) == 0 {
		return fmt.Errorf("no address for %s in %x", name, buf[:n])
	}
	return nil
}

// question is a DNS message (RFC 1035) that asks for an A record.
func question(name string) []byte {
	m := []byte{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	for label := range strings.SplitSeq(name, ".") {
		m = append(append(m, byte(len(label))), label...)
	}
	return append(m, 0, 0, 1, 0, 1)
}
