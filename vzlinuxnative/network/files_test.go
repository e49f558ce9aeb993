//go:build linux

package network

import (
	"net/netip"
	"strings"
	"testing"
)

// TestOwnName: a container finds itself by its full name and by the first word of it.
func TestOwnName(t *testing.T) {
	for _, tt := range []struct{ hostname, domainname, want string }{
		{"web", "", "web"},
		{"web", "example.org", "web.example.org web"},
		{"web.example.org", "", "web.example.org web"},
		{"web.a", "example.org", "web.a.example.org web"},
	} {
		f := Files{Hostname: tt.hostname, Domainname: tt.domainname, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}
		text, err := f.hosts()
		if want := "\n192.0.2.1\t" + tt.want + "\n"; err != nil || !strings.HasSuffix(text, want) {
			t.Errorf("hosts of %s and %s = %q, %v, want %q at the end", tt.hostname, tt.domainname, text, err, want)
		}
	}
}
