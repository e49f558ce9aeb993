package network

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
	"vz.internal/vzcontract/statefile"
	"vz.internal/vzlinuxnative/network/internal/nft"
)

const procNet = "/proc/sys/net/"

// allowForwarding sets what n's bridge needs of the kernel, and only where it
// is not set: forwarding unless n is internal, and routing from 127.0.0.1 to
// the bridge for ports published there.
func (m *Manager) allowForwarding(n *network) error {
	_, err := m.setSysctl("ipv4/conf/"+n.Info.Interface+"/route_localnet", "1")
	if err != nil && !errors.Is(err, unix.EROFS) && !errors.Is(err, os.ErrPermission) {
		return err
	}
	if n.Info.Internal {
		return nil
	}
	if _, err := m.setSysctl("ipv4/ip_forward", "1"); err != nil && !errors.Is(err, unix.EROFS) && !errors.Is(err, os.ErrPermission) {
		return err
	}
	if _, _, ok := n.family(false); !ok {
		return nil
	}
	return m.forward6()
}

// forward6 switches IPv6 forwarding on. Interfaces that take their addresses
// from router advertisements would stop doing so; they are told to go on.
func (m *Manager) forward6() error {
	if data, err := os.ReadFile(procNet + "ipv6/conf/all/forwarding"); err != nil || strings.TrimSpace(string(data)) != "0" {
		return nil
	}
	links, err := filepath.Glob(procNet + "ipv6/conf/*/accept_ra")
	if err != nil {
		return err
	}
	for _, path := range links {
		if data, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(data)) == "1" {
			if _, err := m.setSysctl(strings.TrimPrefix(path, procNet), "2"); err != nil {
				return err
			}
		}
	}
	_, err = m.setSysctl("ipv6/conf/all/forwarding", "1")
	return err
}

// setSysctl writes a value that differs and notes it for doctor.
func (m *Manager) setSysctl(name, value string) (changed bool, err error) {
	path := procNet + name
	old, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	old = bytes.TrimSpace(old)
	if string(old) == value {
		return false, nil
	}
	if err := os.WriteFile(path, []byte(value), 0); err != nil {
		return false, fmt.Errorf("set %s: %w", name, err)
	}
	if strings.Contains(name, "conf/vz") {
		return true, nil // goes with the bridge
	}
	if m.apart() {
		return true, nil // it is no setting of the host
	}
	f, err := os.OpenFile(filepath.Join(m.opts.RunDir, "sysctls"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return true, err
	}
	_, err = fmt.Fprintf(f, "net/%s %s -> %s\n", name, old, value)
	return true, errors.Join(err, f.Close())
}

// Sysctls lists the kernel settings of the host that were changed for networks
// since its start, as "net/ipv4/ip_forward 0 -> 1". Settings of bridges are not
// among them, as they go with the bridge.
func (m *Manager) Sysctls() ([]string, error) {
	data, err := statefile.Read(filepath.Join(m.opts.RunDir, "sysctls"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return strings.FieldsFunc(string(data), func(r rune) bool { return r == '\n' }), err
}

// ignoreMissingNFT drops the error of a kernel without nftables, where no rule
// was ever made.
func ignoreMissingNFT(err error) error {
	if err != nil && nft.Available() != nil {
		return nil
	}
	return err
}

// bridgesFilter tells whether frames inside a bridge pass the host's IP rules
// (br_netfilter).
func bridgesFilter() bool {
	data, err := os.ReadFile(procNet + "bridge/bridge-nf-call-iptables")
	return err == nil && strings.TrimSpace(string(data)) == "1"
}
