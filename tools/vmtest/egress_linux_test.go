package vmtest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestEgress has a container in a machine that may reach one other, by its name alone.
func TestEgress(t *testing.T) {
	needTime(t, 4*time.Minute)
	v := newVZ(t)
	v.must(t, "network", "create", "--subnet", "10.213.21.0/24", "net")
	v.must(t, "network", "create", "--subnet", "10.213.22.0/24", "more")
	v.must(t, append([]string{"run", "-d", "--name", "web", "--network", "net"}, site("web")...)...)
	v.must(t, append([]string{"run", "-d", "--name", "other", "--network", "net"}, site("other")...)...)
	v.must(t, "network", "connect", "more", "other")
	v.must(t, append([]string{
		"--backend", "vm", "run", "-d", "--name", "held", "--network", "net", "--egress", "web:80/tcp", "-p", "127.0.0.1::80",
	}, site("held")...)...)
	v.ask(t, "held", "http://web/", "web")
	v.ask(t, "web", "http://other/", "other")
	v.ask(t, "other", "http://held/", "held")
	get(t, "http://"+v.must(t, "port", "held", "80")+"/", "held")
	refused := func(url string) {
		t.Helper()
		_, stderr, code := v.try(t.Context(), "exec", "held", "wget", "-q", "-T", "20", "-O", "-", url)
		require.NotZero(t, code, url)
		require.Contains(t, stderr, "refused", url)
	}
	gateway := v.must(t, "inspect", "-f", "{{.NetworkSettings.Networks.net.Gateway}}", "held")
	_, port, _ := strings.Cut(v.must(t, "port", "held", "80"), ":")
	for _, url := range []string{"http://other/", "http://203.0.113.9/", "http://" + gateway + ":" + port + "/", "http://169.254.169.254/"} {
		refused(url)
	}
	v.must(t, "network", "connect", "more", "held")
	other, _ := v.at(t, "other", "more")
	v.ask(t, "held", "http://web/", "web")
	refused("http://" + other + "/")
	require.Contains(t, v.must(t, "inspect", "-f", "{{json .Egress}}", "held"), "web:80/tcp")
	v.must(t, "rm", "-f", "held", "web", "other")
	v.must(t, "network", "rm", "net", "more")
}
