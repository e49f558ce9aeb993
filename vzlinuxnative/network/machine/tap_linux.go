package machine

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/userns"
	"vz.internal/vzlinuxnative/network/internal/nsthread"
)

const tunDevice = "/dev/net/tun"

// Available tells why this host cannot join machines to its networks; nil if it can.
// It matches vzcontract.ErrUnsupported.
func Available() error {
	if os.Geteuid() != 0 || userns.Inside() {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "only root joins machines to the networks of containers")
	}
	f, err := os.OpenFile(tunDevice, os.O_RDWR, 0)
	if err != nil {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "the host has no tap devices: %w", err)
	}
	return f.Close()
}

// Probe tries in a namespace of its own what [Available] takes for given, as vz doctor
// does.
func Probe() (err error) {
	if err := Available(); err != nil {
		return err
	}
	ns, err := nsthread.New()
	if err != nil {
		return err
	}
	defer ns.Close()
	tap, err := openTap(ns, 0)
	if err != nil {
		return err
	}
	defer tap.Close()
	h, err := handle(ns)
	if err != nil {
		return err
	}
	defer h.Close()
	link, err := h.LinkByName(tapName(0))
	if err != nil {
		return err
	}
	return redirect(h, link, 1)
}

func tapName(n int) string { return "tap" + strconv.Itoa(n) }

// number is that of the card of an interface.
func number(name string) (int, error) { return strconv.Atoi(strings.TrimPrefix(name, "eth")) }

// openTap makes the tap device of card n in ns. It goes when its file is closed. Frames
// have a header of virtio's, so that what is one for the guest stays one on the host.
func openTap(ns *os.File, n int) (tap *os.File, err error) {
	err = nsthread.In(ns, func() error {
		fd, err := unix.Open(tunDevice, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			return fmt.Errorf("open %s: %w", tunDevice, err)
		}
		req, err := unix.NewIfreq(tapName(n))
		if err == nil {
			req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
			err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
		}
		if err != nil {
			_ = unix.Close(fd)
			return fmt.Errorf("make a tap device: %w", err)
		}
		tap = os.NewFile(uintptr(fd), tapName(n))
		return nil
	})
	return tap, err
}

// redirect sends all frames that link receives out of the interface with the index to.
func redirect(h *netlink.Handle, link netlink.Link, to int) error {
	ingress := &netlink.Ingress{QdiscAttrs: netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_INGRESS}}
	if err := h.QdiscDel(ingress); err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("take the queue of %s away: %w", link.Attrs().Name, err)
	}
	if err := h.QdiscAdd(ingress); err != nil {
		return fmt.Errorf("redirect frames of %s: the kernel lacks the queue ingress: %w", link.Attrs().Name, err)
	}
	err := h.FilterAdd(&netlink.U32{
		FilterAttrs: netlink.FilterAttrs{LinkIndex: link.Attrs().Index, Parent: ingress.Handle, Priority: 1, Protocol: unix.ETH_P_ALL},
		Actions:     []netlink.Action{netlink.NewMirredAction(to)},
	})
	if err != nil {
		return fmt.Errorf("redirect frames of %s: the kernel lacks cls_u32 or act_mirred: %w", link.Attrs().Name, err)
	}
	return nil
}
