package machine

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

func handle(ns *os.File) (*netlink.Handle, error) {
	h, err := netlink.NewHandleAt(netns.NsHandle(ns.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open the machine's network namespace: %w", err)
	}
	return h, nil
}

// tie ties the interfaces of places to the cables of their cards.
func tie(ns *os.File, places []vzcontract.NetworkEndpoint) (map[int]vzcontract.NetworkCard, error) {
	h, err := handle(ns)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	cards := map[int]vzcontract.NetworkCard{}
	for _, e := range places {
		n, err := number(e.Interface)
		if err != nil {
			return nil, err
		}
		link, err := h.LinkByName(e.Interface)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", e.Interface, err)
		}
		if err := tieOne(h, link, n); err != nil {
			return nil, err
		}
		if cards[n], err = describe(h, link); err != nil {
			return nil, err
		}
	}
	return cards, nil
}

// tieOne ties an interface to the cable of card n.
func tieOne(h *netlink.Handle, link netlink.Link, n int) error {
	tap, err := h.LinkByName(tapName(n))
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "the machine has no card for %s", link.Attrs().Name)
	}
	if err != nil {
		return err
	}
	if err := h.LinkSetMTU(tap, link.Attrs().MTU); err != nil {
		return fmt.Errorf("set the MTU of %s: %w", tap.Attrs().Name, err)
	}
	// The tap is the guest's: the host says nothing there by itself.
	const none = 1 // IN6_ADDR_GEN_MODE_NONE
	if err := h.LinkSetIP6AddrGenMode(tap, none); err != nil && !errors.Is(err, unix.EAFNOSUPPORT) && !errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("keep %s without an address: %w", tap.Attrs().Name, err)
	}
	if err := errors.Join(redirect(h, tap, link.Attrs().Index), redirect(h, link, tap.Attrs().Index)); err != nil {
		return err
	}
	if err := h.LinkSetUp(tap); err != nil {
		return fmt.Errorf("set %s up: %w", tap.Attrs().Name, err)
	}
	return nil
}

// describe says what the guest makes of the card of an interface.
func describe(h *netlink.Handle, link netlink.Link) (vzcontract.NetworkCard, error) {
	a := link.Attrs()
	card := vzcontract.NetworkCard{Name: a.Name, MAC: a.HardwareAddr.String(), MTU: a.MTU}
	addresses, err := h.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		return card, fmt.Errorf("addresses of %s: %w", a.Name, err)
	}
	for _, one := range addresses {
		ip, ok := netip.AddrFromSlice(one.IP)
		bits, _ := one.Mask.Size()
		// The kernel's own addresses of IPv6 are made by the guest's kernel too.
		if ok && (one.Flags&unix.IFA_F_NODAD != 0 || ip.Unmap().Is4()) {
			card.Addresses = append(card.Addresses, netip.PrefixFrom(ip.Unmap(), bits))
		}
	}
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := h.RouteList(link, family)
		if err != nil {
			return card, fmt.Errorf("routes of %s: %w", a.Name, err)
		}
		for _, r := range routes {
			if gw, ok := netip.AddrFromSlice(r.Gw); ok && everywhere(r.Dst) {
				card.Gateways = append(card.Gateways, gw.Unmap())
			}
		}
	}
	return card, nil
}

func everywhere(dst *net.IPNet) bool {
	if dst == nil {
		return true
	}
	ones, _ := dst.Mask.Size()
	return ones == 0
}

// traffic reads the counters of the interfaces of places.
func traffic(ns *os.File, places []vzcontract.NetworkEndpoint) ([]vzcontract.NetStats, error) {
	h, err := handle(ns)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	var all []vzcontract.NetStats
	for _, e := range places {
		link, err := h.LinkByName(e.Interface)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", e.Interface, err)
		}
		s := link.Attrs().Statistics
		all = append(all, vzcontract.NetStats{
			Interface: e.Interface, RxBytes: s.RxBytes, RxPackets: s.RxPackets, TxBytes: s.TxBytes, TxPackets: s.TxPackets,
			RxErrors: s.RxErrors, TxErrors: s.TxErrors, RxDropped: s.RxDropped, TxDropped: s.TxDropped,
		})
	}
	return all, nil
}
