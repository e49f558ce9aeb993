package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/internal/agent/system"
)

// Up configures the interface of req: address, gateway, name servers, host name.
func Up(ctx context.Context, req agentproto.NetworkRequest) error {
	name, err := find(req.Interface)
	if err != nil {
		return err
	}
	d, err := openDevice(name)
	if err != nil {
		return err
	}
	defer d.close()
	if req.MTU != 0 {
		if err := d.mtu(req.MTU); err != nil {
			return err
		}
	}
	if req.MAC != "" {
		if err := d.mac(req.MAC); err != nil {
			return err
		}
	}
	if err := d.up(true); err != nil {
		return err
	}
	if req.DHCP {
		lease, err := acquire(ctx, name)
		if err != nil {
			return err
		}
		lease.Hostname, req = req.Hostname, lease
	}
	if !req.Address.IsValid() || !req.Address.Addr().Is4() {
		return vzcontract.Errorf(vzcontract.ErrValidation, "set up %s: %v is no IPv4 address with its prefix", name, req.Address)
	}
	if err := d.address(req.Address); err != nil {
		return err
	}
	if req.Gateway.Is4() {
		if err := d.gateway(req.Gateway); err != nil {
			return err
		}
	}
	if len(req.DNS) > 0 {
		if err := resolver(req); err != nil {
			return err
		}
	}
	if req.Hostname == "" {
		return nil
	}
	return system.SetHostname(req.Hostname)
}

// Down takes the interface's address away and stops it.
func Down(req agentproto.NetworkRequest) error {
	name, err := find(req.Interface)
	if err != nil {
		return err
	}
	d, err := openDevice(name)
	if err != nil {
		return err
	}
	defer d.close()
	return d.up(false)
}

// Loopback starts the loopback interface.
func Loopback() error {
	d, err := openDevice("lo")
	if err != nil {
		return err
	}
	defer d.close()
	return d.up(true)
}

// Everybody lets all users of the guest listen on all ports and ping: a container with a
// machine of its own has the guest's network, and there as much as elsewhere.
func Everybody() error {
	var errs []error
	for name, value := range map[string]string{"ip_unprivileged_port_start": "0", "ping_group_range": "0 2147483647"} {
		errs = append(errs, os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0))
	}
	return errors.Join(errs...)
}

// find returns name, or the first interface with hardware behind it.
func find(name string) (string, error) {
	if name != "" {
		if _, err := net.InterfaceByName(name); err != nil {
			return "", vzcontract.Errorf(vzcontract.ErrNotFound, "the guest has no interface %q", name)
		}
		return name, nil
	}
	devices, err := filepath.Glob("/sys/class/net/*/device")
	if err != nil {
		return "", err
	}
	if len(devices) == 0 {
		return "", vzcontract.Errorf(vzcontract.ErrNotFound, "the guest has no network device")
	}
	return filepath.Base(filepath.Dir(slices.Min(devices))), nil
}

func resolver(req agentproto.NetworkRequest) error {
	var text strings.Builder
	for _, server := range req.DNS {
		fmt.Fprintf(&text, "nameserver %s\n", server)
	}
	if len(req.Search) > 0 {
		search := strings.Join(req.Search, " ")
		if strings.ContainsAny(search, "\n\x00") {
			return vzcontract.Errorf(vzcontract.ErrValidation, "%q are no search domains", search)
		}
		fmt.Fprintf(&text, "search %s\n", search)
	}
	return errors.Join(os.MkdirAll("/etc", 0o755), os.WriteFile("/etc/resolv.conf", []byte(text.String()), 0o644))
}
