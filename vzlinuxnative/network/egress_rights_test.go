//go:build linux

package network

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/hosttest"
)

// TestEgressRights: who could get around a policy by the host has none.
func TestEgressRights(t *testing.T) {
	tests := map[string]struct {
		run  vzcontract.RunConfig
		held bool
	}{
		"nothing":             {held: true},
		"NET_RAW":             {run: vzcontract.RunConfig{Security: vzcontract.SecurityConfig{CapAdd: []string{"NET_RAW", "SYS_PTRACE"}}}, held: true},
		"NET_ADMIN":           {run: vzcontract.RunConfig{Security: vzcontract.SecurityConfig{CapAdd: []string{"cap_net_admin"}}}},
		"DAC_READ_SEARCH":     {run: vzcontract.RunConfig{Security: vzcontract.SecurityConfig{CapAdd: []string{"CAP_DAC_READ_SEARCH"}}}},
		"ALL":                 {run: vzcontract.RunConfig{Security: vzcontract.SecurityConfig{CapAdd: []string{"ALL"}}}},
		"privileged":          {run: vzcontract.RunConfig{Security: vzcontract.SecurityConfig{Privileged: true}}},
		"tracing the host":    {run: vzcontract.RunConfig{Security: vzcontract.SecurityConfig{CapAdd: []string{"SYS_PTRACE"}}, Namespaces: vzcontract.NamespaceConfig{PID: "host"}}},
		"user namespace, ALL": {run: vzcontract.RunConfig{Security: vzcontract.SecurityConfig{CapAdd: []string{"ALL"}}, Namespaces: vzcontract.NamespaceConfig{User: "auto"}}, held: true},
	}
	for name, tt := range tests {
		if err := CanHold(&tt.run); (err == nil) != tt.held || err != nil && !errors.Is(err, vzcontract.ErrUnsupported) {
			t.Errorf("%s: %v, want that it is held: %v", name, err, tt.held)
		}
	}
}

// TestEgressHostsLinks shows why CAP_NET_ADMIN and a policy do not go together. A kernel
// where this fails could have both.
func TestEgressHostsLinks(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	internet(t)
	m := manager(t)
	_, ns := start(t, m, Request{ContainerID: "held", Networks: on(DefaultNetwork), Egress: allow()})
	up0, err := netlink.LinkByName("up0")
	require.NoError(t, err)
	inside(t, ns, func(eth0 netlink.Link) error {
		r := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
		r.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
		r.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated("out0")))
		r.AddData(nl.NewRtAttr(unix.IFLA_LINK, nl.Uint32Attr(uint32(up0.Attrs().Index))))
		r.AddData(nl.NewRtAttr(unix.IFLA_LINK_NETNSID, nl.Uint32Attr(uint32(eth0.Attrs().NetNsID))))
		r.AddData(nl.NewRtAttr(unix.IFLA_LINKINFO, nl.NewRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("macvlan")).Serialize()))
		if _, err := r.Execute(unix.NETLINK_ROUTE, 0); err != nil {
			return os.NewSyscallError("make an interface of the host's", err)
		}
		return nil
	})
	refused(t, ns, "tcp", "203.0.113.2:80")
	inside(t, ns, func(netlink.Link) error {
		out, err := netlink.LinkByName("out0")
		if err != nil {
			return err
		}
		a, err := netlink.ParseAddr("203.0.113.9/24")
		if err != nil {
			return err
		}
		return errors.Join(netlink.AddrAdd(out, a), netlink.LinkSetUp(out))
	})
	reaches(t, ns, "tcp", "203.0.113.2:80")
}
