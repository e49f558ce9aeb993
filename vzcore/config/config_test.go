package config

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

func good() Config {
	c := Default()
	c.Boot.Kernel = "/k"
	return c
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Config)
		field  string // in the message; empty is valid
	}{
		{"default with a kernel", func(*Config) {}, ""},
		{"no processor", func(c *Config) { c.CPUs = 0 }, "cpus"},
		{"negative processors", func(c *Config) { c.CPUs = -1 }, "cpus"},
		{"too many processors", func(c *Config) { c.CPUs = 65 }, "cpus: 65 is not between 1 and 64"},
		{"little memory", func(c *Config) { c.Memory = MiB }, "memory"},
		{"odd memory", func(c *Config) { c.Memory = 512*MiB + 1 }, "memory"},
		{"too much memory", func(c *Config) { c.Memory = 1 << 41 }, "memory"},
		{"no kernel", func(c *Config) { c.Boot.Kernel = "" }, "boot.kernel"},
		{"relative kernel", func(c *Config) { c.Boot.Kernel = "k" }, "boot.kernel"},
		{"odd kernel", func(c *Config) { c.Boot.Kernel = "/k\n" }, "boot.kernel"},
		{"boot kind", func(c *Config) { c.Boot.Kind = "dos" }, "boot.kind"},
		{"command line", func(c *Config) { c.Boot.CommandLine = "a\nb" }, "boot.command_line"},
		{"macOS without identity", func(c *Config) { c.Boot.Kind = BootMacOS }, "platform"},
		{"EFI without store", func(c *Config) { c.Boot = Boot{Kind: BootEFI} }, "boot.variable_store"},
		{"disk", func(c *Config) { c.Disks = []Disk{{ID: "a", Path: "/d"}} }, ""},
		{"disk twice", func(c *Config) { c.Disks = []Disk{{ID: "a", Path: "/d"}, {ID: "a", Path: "/e"}} }, "disks.id"},
		{"disk id", func(c *Config) { c.Disks = []Disk{{ID: "a,b", Path: "/d"}} }, "disks.id"},
		{"disk sync", func(c *Config) { c.Disks = []Disk{{ID: "a", Path: "/d", Sync: "x"}} }, "disks.sync"},
		{"disks", func(c *Config) { c.Disks = make([]Disk, 17) }, "disks"},
		{"share", func(c *Config) { c.Shares = []Share{{Tag: "a", Source: "/d"}} }, ""},
		{"share tag", func(c *Config) { c.Shares = []Share{{Tag: strings.Repeat("a", 37), Source: "/d"}} }, "shares.tag"},
		{"share twice", func(c *Config) { c.Shares = []Share{{Tag: "a", Source: "/d"}, {Tag: "a", Source: "/e"}} }, "shares.tag"},
		{"share of several", func(c *Config) {
			c.Shares = []Share{{Tag: "a", Entries: []Entry{{Name: "x", Source: "/d"}, {Name: "y", Source: "/e", ReadOnly: true}}}}
		}, ""},
		{"share of nothing", func(c *Config) { c.Shares = []Share{{Tag: "a"}} }, "shares.source"},
		{"share with source and entries", func(c *Config) {
			c.Shares = []Share{{Tag: "a", Source: "/d", Entries: []Entry{{Name: "x", Source: "/d"}}}}
		}, "shares.entries"},
		{"entry twice", func(c *Config) {
			c.Shares = []Share{{Tag: "a", Entries: []Entry{{Name: "x", Source: "/d"}, {Name: "x", Source: "/e"}}}}
		}, "shares.entries.name"},
		{"entry that leads out", func(c *Config) {
			c.Shares = []Share{{Tag: "a", Entries: []Entry{{Name: "../x", Source: "/d"}}}}
		}, "shares.entries.name"},
		{"entry of a relative path", func(c *Config) {
			c.Shares = []Share{{Tag: "a", Entries: []Entry{{Name: "x", Source: "d"}}}}
		}, "shares.entries.source"},
		{"network", func(c *Config) { c.Network.Kind = "x" }, "network.kind"},
		{"multicast MAC", func(c *Config) { c.Network.MAC = "01:00:00:00:00:01" }, "network.mac"},
		{"subnet", func(c *Config) { c.Network.User.Subnet = netip.MustParsePrefix("10.0.0.0/30") }, "network.user.subnet"},
		{"IPv6 subnet", func(c *Config) { c.Network.User.Subnet = netip.MustParsePrefix("fd00::/64") }, "network.user.subnet"},
		{"port", func(c *Config) {
			c.Network.User.Ports = []Port{{Host: netip.MustParseAddrPort("127.0.0.1:0"), Guest: 80}}
		}, ""},
		{"port without guest", func(c *Config) { c.Network.User.Ports = []Port{{Host: netip.MustParseAddrPort("127.0.0.1:1")}} }, "network.user.ports"},
		{"port protocol", func(c *Config) {
			c.Network.User.Ports = []Port{{Protocol: "sctp", Host: netip.MustParseAddrPort("127.0.0.1:1"), Guest: 1}}
		}, "network.user.ports"},
		{"host without domain", func(c *Config) {
			c.Network.User.Hosts = map[string]netip.Addr{"db": netip.MustParseAddr("10.0.0.1")}
		}, "network.user.hosts"},
		{"reserved context", func(c *Config) { c.Vsock.CID = 2 }, "vsock.cid"},
		{"no entropy", func(c *Config) { c.Entropy = false }, "entropy"},
		{"display", func(c *Config) { c.Display = &Display{Width: 1} }, "display.height"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := good()
			tt.change(&c)
			err := c.Validate()
			if tt.field == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, vzcontract.ErrValidation)
			require.ErrorContains(t, err, tt.field)
		})
	}
}

func TestCloneAndJSON(t *testing.T) {
	c := good()
	c.Shares = []Share{{Tag: "a", Source: "/d"}}
	c.Network.User.Hosts = map[string]netip.Addr{"a": netip.MustParseAddr("10.0.0.1")}
	d := c.Clone()
	require.Equal(t, c, d)
	d.Shares[0].Tag = "b"
	require.Equal(t, "a", c.Shares[0].Tag)
	text, err := json.Marshal(Default())
	require.NoError(t, err)
	require.NotContains(t, string(text), "platform", "what is not set is not written")
}

func TestRandomMAC(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		c := good()
		c.Network.MAC = RandomMAC()
		require.NoError(t, c.Validate())
		seen[c.Network.MAC] = true
	}
	require.Len(t, seen, 100)
}

func TestAddresses(t *testing.T) {
	subnet, gateway, guest := User{}.Addresses()
	require.Equal(t, "192.168.127.0/24 192.168.127.1 192.168.127.2", subnet.String()+" "+gateway.String()+" "+guest.String())
	subnet, gateway, guest = User{Subnet: netip.MustParsePrefix("10.1.2.3/16")}.Addresses()
	require.Equal(t, "10.1.0.0/16 10.1.0.1 10.1.0.2", subnet.String()+" "+gateway.String()+" "+guest.String())
}
