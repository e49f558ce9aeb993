package network

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// A request is struct ifreq: a name and what the request is about.
type request struct {
	name [unix.IFNAMSIZ]byte
	data [24]byte
}

// A device is an interface with a socket to ask the kernel through.
type device struct {
	fd   int
	name string
}

func openDevice(name string) (*device, error) {
	if name == "" || len(name) >= unix.IFNAMSIZ {
		return nil, fmt.Errorf("%q is no name of an interface", name)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &device{fd: fd, name: name}, nil
}

func (d *device) close() { _ = unix.Close(d.fd) }

func (d *device) do(what string, number uintptr, req *request) error {
	copy(req.name[:], d.name)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(d.fd), number, uintptr(unsafe.Pointer(req))); errno != 0 {
		return fmt.Errorf("%s of %s: %w", what, d.name, errno)
	}
	return nil
}

// up sets or clears the flag that makes the interface work.
func (d *device) up(on bool) error {
	var req request
	if err := d.do("read flags", unix.SIOCGIFFLAGS, &req); err != nil {
		return err
	}
	flags := binary.NativeEndian.Uint16(req.data[:])
	flags &^= unix.IFF_UP
	if on {
		flags |= unix.IFF_UP
	}
	binary.NativeEndian.PutUint16(req.data[:], flags)
	return d.do("set flags", unix.SIOCSIFFLAGS, &req)
}

func (d *device) mtu(n int) error {
	var req request
	binary.NativeEndian.PutUint32(req.data[:], uint32(n))
	return d.do("set the MTU", unix.SIOCSIFMTU, &req)
}

// mac gives the interface another hardware address.
func (d *device) mac(text string) error {
	address, err := net.ParseMAC(text)
	if err != nil || len(address) != 6 {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%q is no MAC address", text)
	}
	var req request
	binary.NativeEndian.PutUint16(req.data[:], unix.ARPHRD_ETHER)
	copy(req.data[2:], address)
	return d.do("set the MAC address", unix.SIOCSIFHWADDR, &req)
}

// inet writes a struct sockaddr_in with an IPv4 address.
func inet(to []byte, address netip.Addr) {
	binary.NativeEndian.PutUint16(to, unix.AF_INET)
	a := address.As4()
	copy(to[4:], a[:])
}

// address sets the IPv4 address and mask. An unspecified one removes both.
func (d *device) address(p netip.Prefix) error {
	var req request
	inet(req.data[:], p.Addr())
	if err := d.do("set the address", unix.SIOCSIFADDR, &req); err != nil || p.Addr().IsUnspecified() {
		return err
	}
	req = request{}
	var mask [4]byte
	binary.BigEndian.PutUint32(mask[:], ^uint32(0)<<(32-p.Bits()))
	inet(req.data[:], netip.AddrFrom4(mask))
	return d.do("set the mask", unix.SIOCSIFNETMASK, &req)
}

// route is struct rtentry of a 64-bit kernel.
type route struct {
	_       uint64
	dst     [16]byte
	gateway [16]byte
	mask    [16]byte
	flags   uint16
	_       [6]byte
	_       uint64
	_       [8]byte
	metric  int16
	_       [6]byte
	dev     *byte
	_       [24]byte
}

// gateway makes address the way to everywhere.
func (d *device) gateway(address netip.Addr) error {
	name, err := unix.BytePtrFromString(d.name)
	if err != nil {
		return err
	}
	r := route{flags: unix.RTF_UP | unix.RTF_GATEWAY, dev: name}
	inet(r.dst[:], netip.IPv4Unspecified())
	inet(r.mask[:], netip.IPv4Unspecified())
	inet(r.gateway[:], address)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(d.fd), unix.SIOCADDRT, uintptr(unsafe.Pointer(&r))); errno != 0 && errno != unix.EEXIST {
		return fmt.Errorf("set the gateway %s of %s: %w", address, d.name, errno)
	}
	return nil
}
