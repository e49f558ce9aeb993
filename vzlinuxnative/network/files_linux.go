package network

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

// HostGateway in an extra host stands for the host's address.
const HostGateway = "host-gateway"

// Files is what a container's hosts, hostname and resolv.conf say.
type Files struct {
	Hostname   string
	Domainname string
	// Addresses are the container's own.
	Addresses []netip.Addr
	// ExtraHosts has "name:address" and "name:host-gateway" entries ("=" for
	// the first ":" too).
	ExtraHosts []string
	// Gateway is the host as the container reaches it; when it is not valid,
	// 127.0.0.1 stands for it.
	Gateway netip.Addr
	DNS     vzcontract.DNSConfig
	// SharesHost: the container has the host's network namespace and sees the
	// host's names and resolvers.
	SharesHost bool
	// Resolver is the address of the container's own DNS listener, if any.
	Resolver netip.Addr
}

// WriteFiles writes hosts, hostname and resolv.conf in dir. Files that exist
// keep their inode, as they may be bind-mounted.
func WriteFiles(dir string, f Files) error {
	if err := checkDNS(f.DNS, f.ExtraHosts); err != nil {
		return err
	}
	hosts, err := f.hosts()
	if err != nil {
		return err
	}
	resolv, err := f.resolv()
	if err != nil {
		return err
	}
	for _, file := range []struct{ name, text string }{
		{"hostname", f.Hostname + "\n"}, {"hosts", hosts}, {"resolv.conf", resolv},
	} {
		if err := overwrite(filepath.Join(dir, file.name), file.text); err != nil {
			return err
		}
	}
	return nil
}

// overwrite makes text the content of a file without emptying it first: nobody
// reads it empty, and no file system takes it for a replacement to be written
// to the disk at once.
func overwrite(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Truncate(int64(len(text)))
	}
	return errors.Join(err, f.Close())
}

func (f *Files) hosts() (string, error) {
	var b strings.Builder
	if data, err := os.ReadFile("/etc/hosts"); f.SharesHost && err == nil {
		b.Write(data)
		if len(data) > 0 && data[len(data)-1] != '\n' {
			b.WriteByte('\n')
		}
	} else {
		b.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" +
			"fe00::0\tip6-localnet\nff00::0\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n")
	}
	for _, e := range f.ExtraHosts {
		name, address, err := parseExtraHost(e)
		if err != nil {
			return "", err
		}
		if address == HostGateway {
			address = "127.0.0.1"
			if f.Gateway.IsValid() {
				address = f.Gateway.String()
			}
		}
		fmt.Fprintf(&b, "%s\t%s\n", address, name)
	}
	names := f.Hostname
	if f.Domainname != "" {
		names += "." + f.Domainname
	}
	if short, _, ok := strings.Cut(names, "."); ok {
		names += " " + short
	}
	for _, a := range f.Addresses {
		if names != "" {
			fmt.Fprintf(&b, "%s\t%s\n", a, names)
		}
	}
	return b.String(), nil
}

func parseExtraHost(e string) (name, address string, err error) {
	i := strings.IndexAny(e, "=:")
	if i < 1 || strings.ContainsAny(e[:i], " \t\n#") {
		return "", "", invalid("extra host %q is not name:address", e)
	}
	name, address = e[:i], strings.TrimSuffix(strings.TrimPrefix(e[i+1:], "["), "]")
	if address == HostGateway {
		return name, address, nil
	}
	if _, err := netip.ParseAddr(address); err != nil {
		return "", "", invalid("extra host %q: %q is neither an IP address nor %s", e, address, HostGateway)
	}
	return name, address, nil
}

func checkDNS(dns vzcontract.DNSConfig, extraHosts []string) error {
	for _, s := range dns.Servers {
		if _, err := netip.ParseAddr(s); err != nil {
			return invalid("DNS server %q is not an IP address", s)
		}
	}
	for _, s := range slices.Concat(dns.Search, dns.Options) {
		if s == "" || strings.ContainsAny(s, " \t\n\r") {
			return invalid("%q is not a DNS search domain or option", s)
		}
	}
	for _, e := range extraHosts {
		if _, _, err := parseExtraHost(e); err != nil {
			return err
		}
	}
	return nil
}

// writeFiles writes the container's files anew. The caller holds s.mu or has
// the only reference.
func (s *Sandbox) writeFiles() error {
	if s.req.FilesDir == "" {
		return nil
	}
	f := Files{
		Hostname: s.req.Hostname, Domainname: s.req.Domainname, ExtraHosts: s.req.ExtraHosts, DNS: s.req.DNS, Resolver: s.resolver(),
	}
	for _, p := range s.places {
		for _, ip := range []string{p.lease.Endpoint.IPv4, p.lease.Endpoint.IPv6} {
			if a, err := netip.ParseAddr(ip); err == nil {
				f.Addresses = append(f.Addresses, a)
			}
		}
		if g, err := netip.ParseAddr(p.lease.Endpoint.Gateway4); err == nil && !f.Gateway.IsValid() {
			f.Gateway = g
		}
	}
	if s.m.apart() { // the gateway is the session's, not the host
		f.Gateway = s.m.hostAddress()
	}
	err := WriteFiles(s.req.FilesDir, f)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("write the container's network files: %w", err)
	}
	return err
}
