package network

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

// listenerAddress is where a container on a user network asks for names.
var listenerAddress = netip.AddrFrom4([4]byte{127, 0, 0, 11})

const maxResolvConf = 64 << 10

// The host's resolver files: its own, and the one that systemd-resolved keeps
// with the real servers behind its loopback stub.
var (
	hostResolvConf = "/etc/resolv.conf"
	realResolvConf = "/run/systemd/resolve/resolv.conf"
)

// parseResolv reads a resolv.conf; lines that make no sense are skipped.
func parseResolv(text string) vzcontract.DNSConfig {
	var c vzcontract.DNSConfig
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "nameserver":
			if _, err := netip.ParseAddr(fields[1]); err == nil {
				c.Servers = append(c.Servers, fields[1])
			}
		case "search", "domain":
			c.Search = fields[1:]
		case "options":
			c.Options = append(c.Options, fields[1:]...)
		}
	}
	return c
}

func readResolv(path string) (vzcontract.DNSConfig, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return vzcontract.DNSConfig{}, nil
	}
	if err != nil {
		return vzcontract.DNSConfig{}, err
	}
	defer f.Close()
	buf := make([]byte, maxResolvConf)
	n, err := f.Read(buf)
	if n == 0 && err != nil {
		n = 0 // empty
	}
	return parseResolv(string(buf[:n])), nil
}

// hostDNS returns the host's resolver settings as they are.
func hostDNS() (vzcontract.DNSConfig, error) { return readResolv(hostResolvConf) }

// reachableDNS returns the host's settings with the servers that a container
// in a network namespace of its own can reach; there may be none.
func reachableDNS() (vzcontract.DNSConfig, error) {
	c, err := hostDNS()
	if err != nil {
		return c, err
	}
	servers := withoutLoopback(c.Servers)
	if len(servers) == 0 && slices.Contains(c.Servers, "127.0.0.53") {
		real, err := readResolv(realResolvConf)
		if err != nil {
			return c, err
		}
		servers = withoutLoopback(real.Servers)
	}
	c.Servers = servers
	return c, nil
}

func withoutLoopback(servers []string) []string {
	return slices.DeleteFunc(slices.Clone(servers), func(s string) bool {
		a, err := netip.ParseAddr(s)
		return err != nil || a.IsLoopback() || a.Zone() != ""
	})
}

// resolv makes the text of a container's resolv.conf: what is asked for, and
// the host's for the rest.
func (f *Files) resolv() (string, error) {
	read := reachableDNS
	if f.SharesHost {
		read = hostDNS
	}
	c, err := read()
	if err != nil {
		return "", err
	}
	if len(f.DNS.Servers) > 0 {
		c.Servers = f.DNS.Servers
	}
	if f.Resolver.IsValid() {
		c.Servers = []string{f.Resolver.String()}
	}
	if len(f.DNS.Search) > 0 {
		c.Search = f.DNS.Search
	}
	if slices.Equal(c.Search, []string{"."}) {
		c.Search = nil // docker's way to have none
	}
	if len(f.DNS.Options) > 0 {
		c.Options = f.DNS.Options
	}
	if f.Resolver.IsValid() && !slices.ContainsFunc(c.Options, func(o string) bool { return strings.HasPrefix(o, "ndots:") }) {
		c.Options = append(slices.Clone(c.Options), "ndots:0")
	}
	var b strings.Builder
	for _, s := range c.Servers {
		b.WriteString("nameserver " + s + "\n")
	}
	if len(c.Search) > 0 {
		b.WriteString("search " + strings.Join(c.Search, " ") + "\n")
	}
	if len(c.Options) > 0 {
		b.WriteString("options " + strings.Join(c.Options, " ") + "\n")
	}
	return b.String(), nil
}
