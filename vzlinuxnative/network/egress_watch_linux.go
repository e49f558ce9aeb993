package network

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// listen begins to watch the host's tables, unless it is done already. The caller holds
// e.mu.
func (e *egress) listen() error {
	if e.events != nil {
		return nil
	}
	s, err := nl.Subscribe(unix.NETLINK_NETFILTER, unix.NFNLGRP_NFTABLES)
	if err != nil {
		return fmt.Errorf("watch the host's nftables: %w", err)
	}
	e.events = s
	e.watch.Go(func() { e.follow(s) })
	return nil
}

// follow mends what somebody takes away, as who empties all of the host's rules does
// ("nft flush ruleset").
func (e *egress) follow(s *nl.NetlinkSocket) {
	const gone = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_DELTABLE
	for {
		messages, _, err := s.Receive()
		missed := errors.Is(err, unix.ENOBUFS)
		if err != nil && !missed && !errors.Is(err, unix.EINTR) {
			return // closed
		}
		if missed || slices.ContainsFunc(messages, func(m syscall.NetlinkMessage) bool { return m.Header.Type == gone }) {
			_ = e.m.inside(func() error { e.mend(); return nil })
		}
	}
}

// mend makes rules anew that are gone. Until they stand again their port is down: it
// stays so if they cannot be made.
func (e *egress) mend() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.events == nil {
		return
	}
	for _, p := range e.places {
		if stands, err := e.table.Stands(p.endpoint()); stands && err == nil {
			continue
		}
		port, err := netlink.LinkByName(p.lease.Link)
		if err != nil || netlink.LinkSetDown(port) != nil {
			continue // it is gone, too
		}
		if e.install(p, port.Attrs().HardwareAddr) == nil {
			_ = netlink.LinkSetUp(port)
		}
	}
}

// close ends the watch.
func (e *egress) close() {
	if e == nil {
		return
	}
	e.mu.Lock()
	if e.events != nil {
		e.events.Close()
		e.events = nil
	}
	e.mu.Unlock()
	e.watch.Wait()
}
