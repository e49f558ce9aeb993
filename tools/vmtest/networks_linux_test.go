package vmtest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/tools/internal/workspace"
	"vz.internal/vzlinuxnative/network/machine"
)

// vz runs the command line with directories of its own.
type vz struct {
	bin, dir string
	env      []string
}

// newVZ builds the programs and gives them the work tree's bundle. What they made has
// gone when the test has ended.
func newVZ(t *testing.T) *vz {
	t.Helper()
	needContainers(t)
	if err := machine.Probe(); err != nil {
		need(t, err.Error())
	}
	Driver(t, "x86_64")
	bundle := Bundle(t, "x86_64")
	root, err := workspace.Find(".")
	require.NoError(t, err)
	v := &vz{bin: t.TempDir()}
	for module, commands := range map[string][]string{
		"vzcli": {"./cmd/vz", "./cmd/vz-vmm", "./cmd/vz-stack", "./cmd/vz-box"}, "vzlinuxnative": {"./cmd/vz-monitor"},
	} {
		build := exec.Command("go", append([]string{"build", "-tags=netgo,osusergo,seccomp", "-o", v.bin}, commands...)...)
		build.Dir = filepath.Join(root, module)
		out, err := build.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	v.dir, err = os.MkdirTemp("", "vz-") // socket paths are short, whatever the test is called
	require.NoError(t, err)
	v.env = append(os.Environ(), "VZ_HOME="+v.dir+"/h", "VZ_RUN="+v.dir+"/r", "VZ_LINUX_BUNDLE_DIR="+bundle.Dir, "VZ_BACKEND=", "VZ_LIBEXEC=", "VZ_WARM=off")
	t.Cleanup(func() {
		out, _, _ := v.try(context.Background(), "ps", "-aq")
		for id := range strings.FieldsSeq(out) {
			_, stderr, code := v.try(context.Background(), "rm", "-f", id)
			require.Zero(t, code, stderr)
		}
		_, _, _ = v.try(context.Background(), "network", "prune", "-f")
		require.NoError(t, os.RemoveAll(v.dir))
	})
	return v
}

func (v *vz) try(ctx context.Context, args ...string) (stdout, stderr string, code int) {
	cmd := exec.CommandContext(ctx, filepath.Join(v.bin, "vz"), args...)
	cmd.Env = v.env
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	_ = cmd.Run()
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

// must runs a command that has to succeed and returns its output.
func (v *vz) must(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), BootTime)
	defer cancel()
	out, stderr, code := v.try(ctx, args...)
	require.Zero(t, code, "%q: %s", args, stderr)
	return strings.TrimSpace(out)
}

// refused runs a command that has to fail, and looks for the reason.
func (v *vz) refused(t *testing.T, why string, args ...string) {
	t.Helper()
	_, stderr, code := v.try(t.Context(), args...)
	require.NotZero(t, code, args)
	require.Contains(t, stderr, why, args)
}

// site is a program that answers what with HTTP on port 80, of both families.
func site(what string) []string {
	return []string{"vz:builtin", "sh", "-c", "mkdir -p /www && echo " + what + " > /www/index.html && exec httpd -f -p 80 -h /www"}
}

// ask has a container get a URL, once its server listens.
func (v *vz) ask(t *testing.T, from, url, want string) {
	t.Helper()
	var out, stderr string
	require.Eventually(t, func() bool {
		out, stderr, _ = v.try(t.Context(), "exec", from, "wget", "-q", "-T", "20", "-O", "-", url)
		return strings.TrimSpace(out) == want
	}, BootTime, 100*time.Millisecond, "%s asks %s for %s: %s %s", from, url, want, out, stderr)
}

// get gets a URL from the host, once its server listens.
func get(t *testing.T, url, want string) {
	t.Helper()
	client := http.Client{Timeout: BootTime}
	var last error
	require.Eventually(t, func() bool {
		answer, err := client.Get(url)
		if last = err; err != nil {
			return false
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		last = err
		return strings.TrimSpace(string(text)) == want
	}, BootTime, 50*time.Millisecond, "%s answers %s", url, want)
	require.NoError(t, last)
}

// echoes sends datagrams to an address of the host until one comes back.
func echoes(t *testing.T, address string) {
	t.Helper()
	conn, err := net.Dial("udp", address)
	require.NoError(t, err)
	defer conn.Close()
	answer := make([]byte, 16)
	require.Eventually(t, func() bool {
		_, _ = conn.Write([]byte("ping")) // refused until somebody listens
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		n, err := conn.Read(answer)
		return err == nil && string(answer[:n]) == "ping"
	}, BootTime, 50*time.Millisecond, "%s answers", address)
}

// at returns a container's addresses on a network.
func (v *vz) at(t *testing.T, container, network string) (ip4, ip6 string) {
	t.Helper()
	var info []struct {
		NetworkSettings struct {
			Networks map[string]struct{ IPAddress, GlobalIPv6Address string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(v.must(t, "inspect", container)), &info))
	on := info[0].NetworkSettings.Networks[network]
	return on.IPAddress, on.GlobalIPv6Address
}

// TestNetworks has containers in machines and one on the host's kernel on the same
// networks.
func TestNetworks(t *testing.T) {
	needTime(t, 8*time.Minute)
	v := newVZ(t)
	v.must(t, "network", "create", "--ipv6", "--subnet", "10.213.21.0/24", "net")
	v.must(t, "--backend", "vm", "network", "create", "--internal", "--subnet", "10.213.22.0/24", "inner")
	v.refused(t, "virtual machine of its own", "--backend", "vm", "run", "--network", "host", "vz:builtin", "true")
	v.refused(t, "no such network", "--backend", "vm", "run", "--network", "nothing", "vz:builtin", "true")
	v.must(t, append([]string{
		"--backend", "vm", "run", "-d", "--name", "web", "--network", "net", "--ip", "10.213.21.50", "--network-alias", "site",
		"--mac-address", "02:11:22:33:44:55", "--hostname", "host", "--add-host", "there:192.0.2.7", "--dns-search", "example.org",
		"--sysctl", "net.core.somaxconn=77", "-p", "127.0.0.1::80", "-p", "[::1]::80",
	}, site("web")...)...)
	v.must(t, append([]string{
		"--backend", "vm", "run", "-d", "--name", "db", "--network", "net",
		"-p", "127.0.0.1::5353/udp", "-v", buildHelper(t, "x86_64") + ":/helper:ro",
	}, site("db")...)...)
	v.must(t, append([]string{"run", "-d", "--name", "native", "--network", "net"}, site("native")...)...)
	v.refused(t, "is in use", "run", "-d", "--name", "db", "vz:builtin", "true")
	require.ElementsMatch(t, []string{"web", "db", "native"}, strings.Fields(v.must(t, "ps", "--format", "{{.Names}}")))

	seen := v.must(t, "exec", "web", "sh", "-c", "ip addr; cat /etc/hosts /etc/resolv.conf /proc/sys/net/ipv4/ping_group_range /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/core/somaxconn; hostname")
	for _, want := range []string{
		"link/ether 02:11:22:33:44:55", "inet 10.213.21.50/24", "192.0.2.7\tthere", "10.213.21.50\thost", "search example.org", "nameserver 127.0.0.11", "\n0\t2147483647\n0\n77\nhost",
	} {
		require.Contains(t, seen, want)
	}
	for _, from := range []string{"web", "db", "native"} {
		for name, want := range map[string]string{"site": "web", "db": "db", "native": "native"} {
			v.ask(t, from, "http://"+name+"/", want)
		}
	}
	_, web6 := v.at(t, "web", "net")
	_, native6 := v.at(t, "native", "net")
	v.ask(t, "native", "http://["+web6+"]/", "web")
	v.ask(t, "web", "http://["+native6+"]/", "native")
	for port := range strings.Lines(v.must(t, "port", "web", "80")) {
		get(t, "http://"+strings.TrimSpace(port)+"/", "web")
	}
	v.must(t, "exec", "-d", "db", "/helper", "serve", ":5353")
	echoes(t, v.must(t, "port", "db", "5353/udp"))
	require.Contains(t, v.must(t, "network", "inspect", "net"), `"10.213.21.50/24"`)

	v.must(t, "network", "connect", "--ip", "10.213.22.9", "--alias", "within", "inner", "web")
	v.must(t, "network", "connect", "inner", "native")
	v.ask(t, "native", "http://within/", "web")
	v.ask(t, "native", "http://10.213.22.9/", "web")
	v.must(t, "network", "disconnect", "inner", "web")
	require.NotContains(t, v.must(t, "exec", "web", "ip", "addr"), "eth1")
	v.must(t, "network", "connect", "inner", "web") // the card comes back
	require.Contains(t, v.must(t, "exec", "web", "ip", "addr"), "eth1")

	v.killOwner(t)
	require.Contains(t, v.must(t, "ps", "-a", "--filter", "name=db", "--format", "{{.Status}}"), "Exited")
	v.must(t, "start", "db")
	v.ask(t, "native", "http://db/", "db")
	v.killOwner(t)
	v.must(t, "rm", "-f", "db")
	v.must(t, "rm", "-f", "web", "native")
	v.must(t, "network", "rm", "net", "inner")
	require.Empty(t, v.interfaces(t))
}

// killOwner kills the process that runs db's machine, and waits until it has gone.
func (v *vz) killOwner(t *testing.T) {
	t.Helper()
	dir, err := filepath.Glob(v.dir + "/h/guests/*/state.json")
	require.NoError(t, err)
	for _, file := range dir {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var state struct{ Info struct{ Name string } }
		require.NoError(t, json.Unmarshal(text, &state))
		if state.Info.Name != "db" {
			continue
		}
		all, err := filepath.Glob("/proc/[0-9]*/cmdline")
		require.NoError(t, err)
		for _, at := range all {
			line, _ := os.ReadFile(at)
			if words := strings.Split(string(line), "\x00"); len(words) > 2 && words[len(words)-2] == filepath.Base(filepath.Dir(file)) {
				require.NoError(t, exec.Command("kill", "-9", filepath.Base(filepath.Dir(at))).Run())
				require.Eventually(t, func() bool { _, err := os.Stat(at); return err != nil }, BootTime, 10*time.Millisecond)
				return
			}
		}
	}
	t.Fatal("db's machine is not there")
}

// interfaces are those of the host whose address is one of the test's networks.
func (v *vz) interfaces(t *testing.T) (left []string) {
	t.Helper()
	all, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range all {
		if strings.HasPrefix(a.String(), "10.213.21.") || strings.HasPrefix(a.String(), "10.213.22.") {
			left = append(left, a.String())
		}
	}
	return left
}

// TestStack has services of a Compose project in machines and on the host's kernel.
func TestStack(t *testing.T) {
	needTime(t, 8*time.Minute)
	v := newVZ(t)
	file := filepath.Join(v.dir, "compose.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
services:
  db:
    image: vz:builtin
    x-vz: {isolation: vm}
    command: sh -c 'mkdir -p /www && echo database > /www/index.html && echo kept > /data/stamp && exec httpd -f -p 80 -h /www'
    volumes: [data:/data]
    networks: [back]
    healthcheck: {test: wget -q -O /dev/null http://127.0.0.1/, interval: 2s, timeout: 60s, retries: 20}
  web:
    image: vz:builtin
    depends_on: {db: {condition: service_healthy}}
    command: sh -c 'mkdir -p /www && wget -q -O /www/index.html http://db/ && exec httpd -f -p 80 -h /www'
    ports: ["127.0.0.1::80"]
    networks: [back, front]
    volumes: [data:/data:ro]
networks: {back: {internal: true}, front: {}}
volumes: {data: {}}
`), 0o600))
	stack := func(args ...string) []string { return append([]string{"stack", "-f", file, "-p", "s"}, args...) }
	backends := func() string {
		return v.must(t, "ps", "-a", "--format", `{{.Names}}:{{.Label "com.docker.compose.service"}}`)
	}
	v.must(t, stack("up", "-d")...)
	require.ElementsMatch(t, []string{"s-db-1:db", "s-web-1:web"}, strings.Fields(backends()))
	require.Equal(t, "vm linux-native", v.must(t, "inspect", "-f", "{{.Backend}}", "s-db-1")+" "+v.must(t, "inspect", "-f", "{{.Backend}}", "s-web-1"))
	get(t, "http://"+v.must(t, stack("port", "web", "80")...)+"/", "database")
	require.Equal(t, "kept", v.must(t, stack("exec", "web", "cat", "/data/stamp")...))
	v.ask(t, "s-db-1", "http://web/", "database")
	require.Contains(t, v.must(t, stack("logs")...), "db-1")
	v.refused(t, "uses it", "volume", "rm", "s_data")
	before := v.must(t, "ps", "-aq")
	v.must(t, stack("up", "-d")...)
	require.Equal(t, before, v.must(t, "ps", "-aq"), "nothing has changed")

	// With machines as the choice for all, web moves to one, and db stays.
	v.must(t, append([]string{"--backend", "vm"}, stack("up", "-d")...)...)
	require.Equal(t, "vm", v.must(t, "inspect", "-f", "{{.Backend}}", "s-web-1"))
	get(t, "http://"+v.must(t, stack("port", "web", "80")...)+"/", "database")
	require.Equal(t, "kept", v.must(t, stack("exec", "web", "cat", "/data/stamp")...))
	v.must(t, stack("down", "-v")...)
	require.Empty(t, v.must(t, "ps", "-aq"))
	require.NotContains(t, v.must(t, "network", "ls"), "s_back")
	require.Empty(t, v.must(t, "volume", "ls", "-q"))
}
