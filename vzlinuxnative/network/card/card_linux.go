package card

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// Apply makes the guest's virtio cards those of want, and takes away all others, which
// come back when they are wanted. A card that was just plugged is waited for until ctx
// ends. What is right already is left alone, so connections go on.
func Apply(ctx context.Context, want []vzcontract.NetworkCard) error {
	have, err := present(ctx, want)
	if err != nil {
		return err
	}
	for hardware, link := range have {
		if !slices.ContainsFunc(want, func(w vzcontract.NetworkCard) bool { return w.Hardware == hardware }) {
			if err := unbind(link.Attrs().Name); err != nil {
				return err
			}
			delete(have, hardware)
		}
	}
	// Names may go from one card to another, so all others are free first.
	for _, w := range want {
		if a := have[w.Hardware].Attrs(); a.Name != w.Name {
			if err := rename(have[w.Hardware], fmt.Sprintf("card%d", a.Index)); err != nil {
				return err
			}
		}
	}
	for _, w := range want {
		if err := configure(have[w.Hardware], w); err != nil {
			return fmt.Errorf("configure %s: %w", w.Name, err)
		}
	}
	return route(have, want)
}

// present returns the guest's cards by the addresses that they were made with, among
// them all that are wanted.
func present(ctx context.Context, want []vzcontract.NetworkCard) (map[string]netlink.Link, error) {
	complete := func(have map[string]netlink.Link) bool {
		return !slices.ContainsFunc(want, func(w vzcontract.NetworkCard) bool { return have[w.Hardware] == nil })
	}
	have, err := cards()
	if err != nil || complete(have) {
		return have, err
	}
	done := make(chan struct{})
	defer close(done)
	updates := make(chan netlink.LinkUpdate, 16)
	if err := netlink.LinkSubscribe(updates, done); err != nil {
		return nil, fmt.Errorf("wait for a network card: %w", err)
	}
	if err := bindAll(); err != nil {
		return nil, err
	}
	for {
		if have, err = cards(); err != nil || complete(have) {
			return have, err
		}
		select {
		case _, ok := <-updates:
			if !ok {
				return nil, errors.New("wait for a network card: the kernel tells no more")
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for a network card: %w", ctx.Err())
		}
	}
}

// cards lists the guest's cards. What the kernel makes by itself besides goes, as no
// container has it.
func cards() (map[string]netlink.Link, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list network cards: %w", err)
	}
	have := map[string]netlink.Link{}
	for _, l := range links {
		switch {
		case isCard(l.Attrs().Name):
			have[l.Attrs().PermHWAddr.String()] = l
		case l.Type() == "dummy" && l.Attrs().Name == "dummy0":
			if err := netlink.LinkDel(l); err != nil && !errors.Is(err, unix.ENODEV) {
				return nil, fmt.Errorf("delete %s: %w", l.Attrs().Name, err)
			}
		}
	}
	return have, nil
}

// rename sets a card down, as it must be, and gives it another name.
func rename(link netlink.Link, name string) error {
	if err := netlink.LinkSetDown(link); err != nil {
		return fmt.Errorf("set %s down: %w", link.Attrs().Name, err)
	}
	if err := netlink.LinkSetName(link, name); err != nil {
		return fmt.Errorf("rename %s to %s: %w", link.Attrs().Name, name, err)
	}
	link.Attrs().Name, link.Attrs().Flags = name, link.Attrs().Flags&^net.FlagUp
	return nil
}

func configure(link netlink.Link, w vzcontract.NetworkCard) error {
	a := link.Attrs()
	mac, err := net.ParseMAC(w.MAC)
	if err != nil {
		return vzcontract.Errorf(vzcontract.ErrValidation, "MAC address %q: %w", w.MAC, err)
	}
	if a.Name != w.Name {
		if err := rename(link, w.Name); err != nil {
			return err
		}
	}
	if !bytes.Equal(a.HardwareAddr, mac) {
		if err := errors.Join(netlink.LinkSetDown(link), netlink.LinkSetHardwareAddr(link, mac)); err != nil {
			return fmt.Errorf("set its address %s: %w", mac, err)
		}
	}
	if a.MTU != w.MTU {
		if err := netlink.LinkSetMTU(link, w.MTU); err != nil {
			return fmt.Errorf("set its MTU %d: %w", w.MTU, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("set it up: %w", err)
	}
	return addresses(link, w)
}

// addresses gives link the addresses of w and takes all others but the kernel's own.
func addresses(link netlink.Link, w vzcontract.NetworkCard) error {
	have, err := netlink.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		return err
	}
	for _, p := range w.Addresses {
		addr := &netlink.Addr{IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}}
		if p.Addr().Is6() {
			addr.Flags = unix.IFA_F_NODAD // the host knows that nobody else has it
		}
		if i := slices.IndexFunc(have, addr.Equal); i >= 0 {
			have = slices.Delete(have, i, i+1)
			continue
		}
		if err := netlink.AddrAdd(link, addr); err != nil {
			return fmt.Errorf("add address %s: %w", p, err)
		}
	}
	for _, old := range have {
		if old.IP.To4() == nil && old.Flags&unix.IFA_F_NODAD == 0 {
			continue
		}
		if err := netlink.AddrDel(link, &old); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return fmt.Errorf("take address %s away: %w", old.IPNet, err)
		}
	}
	return nil
}

// route makes the default routes those of want alone.
func route(have map[string]netlink.Link, want []vzcontract.NetworkCard) error {
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		old, err := netlink.RouteListFiltered(family, &netlink.Route{Dst: nil, Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_DST|netlink.RT_FILTER_TABLE)
		if err != nil {
			return fmt.Errorf("list default routes: %w", err)
		}
		for _, w := range want {
			index := have[w.Hardware].Attrs().Index
			for _, gw := range w.Gateways {
				if gw.Is4() != (family == netlink.FAMILY_V4) {
					continue
				}
				if i := slices.IndexFunc(old, func(r netlink.Route) bool { return r.LinkIndex == index && r.Gw.Equal(gw.AsSlice()) }); i >= 0 {
					old = slices.Delete(old, i, i+1)
					continue
				}
				if err := netlink.RouteAppend(&netlink.Route{LinkIndex: index, Gw: gw.AsSlice()}); err != nil {
					return fmt.Errorf("default route through %s: %w", gw, err)
				}
			}
		}
		for _, r := range old {
			if len(r.Gw) == 0 {
				continue
			}
			if err := netlink.RouteDel(&r); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("take the default route through %s away: %w", r.Gw, err)
			}
		}
	}
	return nil
}
