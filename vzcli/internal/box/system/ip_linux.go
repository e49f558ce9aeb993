package system

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"vz.internal/vzcli/internal/box/applet"
)

// ip shows networks: "ip addr [show [dev NAME]]", "ip link", "ip route".
func ip(std *applet.IO, args []string) int {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		args = args[1:]
	}
	what := "addr"
	if len(args) > 0 {
		what, args = args[0], args[1:]
	}
	only := ""
	for _, a := range args {
		switch a {
		case "show", "list", "ls", "dev":
		default:
			only = a
		}
	}
	switch {
	case strings.HasPrefix("address", what):
		return interfaces(std, only, true)
	case strings.HasPrefix("link", what):
		return interfaces(std, only, false)
	case strings.HasPrefix("route", what):
		return routes(std)
	}
	return std.Usage("addr | link | route [show [dev NAME]]")
}

func interfaces(std *applet.IO, only string, addresses bool) int {
	all, err := net.Interfaces()
	if err != nil {
		return std.Fail(err)
	}
	found := false
	for _, i := range all {
		if only != "" && i.Name != only {
			continue
		}
		found = true
		fmt.Fprintf(std.Out, "%d: %s: <%s> mtu %d\n", i.Index, i.Name, strings.ToUpper(strings.ReplaceAll(i.Flags.String(), "|", ",")), i.MTU)
		kind := "ether"
		if i.Flags&net.FlagLoopback != 0 {
			kind = "loopback"
		}
		fmt.Fprintf(std.Out, "    link/%s %s\n", kind, i.HardwareAddr)
		if !addresses {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			return std.Fail(err)
		}
		for _, a := range addrs {
			family := "inet6"
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil {
				family = "inet"
			}
			fmt.Fprintf(std.Out, "    %s %s\n", family, a)
		}
	}
	if !found && only != "" {
		return std.Fail(fmt.Errorf("no interface %s", only))
	}
	return 0
}

func routes(std *applet.IO) int {
	f, err := os.Open("/proc/net/route")
	if err != nil {
		return std.Fail(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for first := true; s.Scan(); first = false {
		p := strings.Fields(s.Text())
		if first || len(p) < 8 {
			continue
		}
		to, mask, via := address(p[1]), net.IPMask(address(p[7])), address(p[2])
		ones, _ := mask.Size()
		text := to.String() + "/" + strconv.Itoa(ones)
		if ones == 0 {
			text = "default"
		}
		if !via.IsUnspecified() {
			text += " via " + via.String()
		}
		fmt.Fprintf(std.Out, "%s dev %s\n", text, p[0])
	}
	if err := s.Err(); err != nil {
		return std.Fail(err)
	}
	return 0
}

// address decodes the kernel's form, the bytes of a number of this machine.
func address(text string) net.IP {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != 4 {
		return net.IPv4zero.To4()
	}
	return net.IP{b[3], b[2], b[1], b[0]}
}
