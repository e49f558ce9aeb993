package doctor

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

func netlinkRights(context.Context, Dirs) Result {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return Result{Status: Failed, Detail: "no socket: " + err.Error()}
	}
	defer unix.Close(fd)
	if !capable(unix.CAP_NET_ADMIN) {
		return Result{Status: Failed, Detail: "interfaces cannot be made without CAP_NET_ADMIN", Remedy: "run vz as root; --network none and host work without"}
	}
	return ok("interfaces can be made")
}

func nftables(context.Context, Dirs) Result {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return Result{Status: Warning, Detail: "no socket: " + err.Error() + "; bridges have no way out, ports go through a proxy", Remedy: "modprobe nf_tables, or use a kernel with CONFIG_NF_TABLES"}
	}
	defer unix.Close(fd)
	if err := askGeneration(fd); err != nil {
		return Result{Status: Warning, Detail: "not in this kernel: " + err.Error() + "; bridges have no way out, ports go through a proxy", Remedy: "modprobe nf_tables, or use a kernel with CONFIG_NF_TABLES"}
	}
	return ok("answers")
}

// askGeneration sends NFT_MSG_GETGEN, the smallest question there is.
func askGeneration(fd int) error {
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 2}); err != nil {
		return err
	}
	const nfgen, header = 4, unix.NLMSG_HDRLEN
	message := make([]byte, header+nfgen)
	order := binary.NativeEndian
	order.PutUint32(message, uint32(len(message)))
	order.PutUint16(message[4:], unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETGEN)
	order.PutUint16(message[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	if err := unix.Sendto(fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return err
	}
	if n >= header+4 && order.Uint16(answer[4:]) == unix.NLMSG_ERROR {
		if code := int32(order.Uint32(answer[header:])); code != 0 {
			return unix.Errno(-code)
		}
	}
	return nil
}

func forwarding(context.Context, Dirs) Result {
	data, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	switch {
	case errors.Is(err, os.ErrNotExist):
		return Result{Status: Warning, Detail: "no /proc/sys/net/ipv4", Remedy: "use a kernel with CONFIG_INET"}
	case err != nil:
		return Result{Status: Warning, Detail: err.Error()}
	case strings.TrimSpace(string(data)) == "1":
		return ok("on")
	}
	if unix.Access("/proc/sys/net/ipv4/ip_forward", unix.W_OK) != nil {
		return Result{Status: Warning, Detail: "off, and /proc/sys is read-only: bridges have no way out", Remedy: "sysctl net.ipv4.ip_forward=1 on the host"}
	}
	return ok("off; vz switches it on for the first bridge")
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
