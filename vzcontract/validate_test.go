package vzcontract_test

import (
	"errors"
	"testing"
	"time"

	"vz.internal/vzcontract"
)

func TestValidate(t *testing.T) {
	valid := func() vzcontract.RunConfig {
		return vzcontract.RunConfig{
			Name: "web", Image: "debian", Env: []string{"A=", "B=c=d"}, WorkingDir: "/srv",
			Mounts: []vzcontract.Mount{
				{Type: vzcontract.MountBind, Source: "/a", Target: "/a"},
				{Type: vzcontract.MountVolume, Target: "/b", Subpath: "x/y"},
				{Type: vzcontract.MountTmpfs, Target: "/c"},
				{Type: vzcontract.MountImage, Source: "debian", Target: "/d"},
			},
			Ports:      []vzcontract.PortMapping{{ContainerPort: 80, ContainerPortEnd: 81, HostPort: 8080, HostPortEnd: 8081, Protocol: "tcp"}},
			ExtraHosts: []string{"db:10.0.0.1", "six:[::1]", "host:host-gateway"}, DNS: vzcontract.DNSConfig{Servers: []string{"192.0.2.1"}},
			Health: &vzcontract.HealthCheck{Test: []string{"CMD", "true"}}, Log: vzcontract.LogConfig{Driver: "local"},
		}
	}
	c := valid()
	if err := c.Validate(); err != nil {
		t.Fatalf("a valid config: %v", err)
	}
	for name, spoil := range map[string]func(c *vzcontract.RunConfig){
		"joined ports": func(c *vzcontract.RunConfig) {
			c.NetworkMode, c.ExtraHosts, c.DNS = "container:x", nil, vzcontract.DNSConfig{}
		},
		"joined name servers": func(c *vzcontract.RunConfig) { c.NetworkMode, c.ExtraHosts, c.Ports = "container:x", nil, nil },
		"joined hosts": func(c *vzcontract.RunConfig) {
			c.NetworkMode, c.Ports, c.DNS = "container:x", nil, vzcontract.DNSConfig{}
		},
		"name":                 func(c *vzcontract.RunConfig) { c.Name = "-x" },
		"no image":             func(c *vzcontract.RunConfig) { c.Image = "" },
		"image and root":       func(c *vzcontract.RunConfig) { c.Rootfs = "/r" },
		"relative root":        func(c *vzcontract.RunConfig) { c.Image, c.Rootfs = "", "r" },
		"relative directory":   func(c *vzcontract.RunConfig) { c.WorkingDir = "srv" },
		"remove and restart":   func(c *vzcontract.RunConfig) { c.AutoRemove, c.Restart.Mode = true, vzcontract.RestartAlways },
		"timeout":              func(c *vzcontract.RunConfig) { c.Timeout = -time.Second },
		"environment":          func(c *vzcontract.RunConfig) { c.Env = []string{"A"} },
		"environment name":     func(c *vzcontract.RunConfig) { c.Env = []string{"=a"} },
		"environment NUL":      func(c *vzcontract.RunConfig) { c.Env = []string{"A=\x00"} },
		"restart policy":       func(c *vzcontract.RunConfig) { c.Restart.Mode = "often" },
		"retries":              func(c *vzcontract.RunConfig) { c.Restart.MaxRetries = -1 },
		"log driver":           func(c *vzcontract.RunConfig) { c.Log.Driver = "syslog" },
		"log size":             func(c *vzcontract.RunConfig) { c.Log.MaxSize = -1 },
		"pull policy":          func(c *vzcontract.RunConfig) { c.Pull = "sometimes" },
		"mount target":         func(c *vzcontract.RunConfig) { c.Mounts[0].Target = "/" },
		"two mounts":           func(c *vzcontract.RunConfig) { c.Mounts[1].Target = "/a/." },
		"subpath out":          func(c *vzcontract.RunConfig) { c.Mounts[1].Subpath = "a/../../b" },
		"absolute subpath":     func(c *vzcontract.RunConfig) { c.Mounts[1].Subpath = "/a" },
		"tmpfs subpath":        func(c *vzcontract.RunConfig) { c.Mounts[2].Subpath = "a" },
		"relative bind":        func(c *vzcontract.RunConfig) { c.Mounts[0].Source = "a" },
		"volume name":          func(c *vzcontract.RunConfig) { c.Mounts[1].Source = "a/b" },
		"image mount":          func(c *vzcontract.RunConfig) { c.Mounts[3].Source = "" },
		"mount type":           func(c *vzcontract.RunConfig) { c.Mounts[3].Type = "npipe" },
		"port address":         func(c *vzcontract.RunConfig) { c.Ports[0].HostIP = "localhost" },
		"protocol":             func(c *vzcontract.RunConfig) { c.Ports[0].Protocol = "sctp" },
		"container port":       func(c *vzcontract.RunConfig) { c.Ports[0].ContainerPort = 0 },
		"falling range":        func(c *vzcontract.RunConfig) { c.Ports[0].ContainerPortEnd = 79 },
		"ranges apart":         func(c *vzcontract.RunConfig) { c.Ports[0].HostPortEnd = 8090 },
		"health form":          func(c *vzcontract.RunConfig) { c.Health.Test = []string{"true"} },
		"health command":       func(c *vzcontract.RunConfig) { c.Health.Test = []string{"CMD"} },
		"health times":         func(c *vzcontract.RunConfig) { c.Health.Interval = -1 },
		"extra host":           func(c *vzcontract.RunConfig) { c.ExtraHosts = []string{"db"} },
		"extra host's address": func(c *vzcontract.RunConfig) { c.ExtraHosts = []string{"db:example"} },
		"name server":          func(c *vzcontract.RunConfig) { c.DNS.Servers = []string{"example"} },
	} {
		c := valid()
		spoil(&c)
		if err := c.Validate(); !errors.Is(err, vzcontract.ErrValidation) {
			t.Errorf("%s: %v, want a validation error", name, err)
		}
	}
}
