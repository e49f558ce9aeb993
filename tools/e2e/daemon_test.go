//go:build linux

package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"vz.internal/tools/e2e/internal/vztest"
)

// daemon starts a daemon of Debian's and returns where its port is published.
func daemon(t *testing.T, h *vztest.Home, name, port, ready string) (address string) {
	t.Helper()
	h.Must("run", "-q", "-d", "--name", name, "-p", "127.0.0.1::"+port, debian(t, name))
	if ready != "" {
		waitForLog(t, h, name, ready)
	}
	return strings.TrimSpace(h.Must("port", name, port))
}

// stops stops the daemon, which must end by itself and well.
func stops(t *testing.T, h *vztest.Home, name string) {
	t.Helper()
	h.Must("stop", "-t", "60", name)
	if got := h.Inspect(name, "{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}"); got != "exited 0 false" {
		t.Errorf("after stop %s is %s\n%s", name, got, h.Do("logs", "--tail", "20", name))
	}
}

var errNotYet = errors.New("it did not come about")

// eventually repeats f until it succeeds: for programs that do not tell when
// they are ready.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	deadline, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatal(err)
		case <-tick.C:
		}
	}
}

func TestNginx(t *testing.T) {
	h := vztest.New(t)
	address := daemon(t, h, "nginx", "80/tcp", "")
	get := func() error {
		r, err := http.Get("http://" + address + "/index.nginx-debian.html")
		if err != nil {
			return err
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err == nil && !strings.Contains(string(body), "Welcome to nginx") {
			err = fmt.Errorf("nginx answers %s: %q", r.Status, body)
		}
		return err
	}
	eventually(t, get)
	waitForLog(t, h, "nginx", "GET /index.nginx-debian.html") // by way of /dev/stdout
	h.Must("exec", "nginx", "nginx", "-s", "reload")
	eventually(t, get)
	if top := h.Must("top", "nginx"); !strings.Contains(top, "nginx: worker process") {
		t.Errorf("top shows %s", top)
	}
	stops(t, h, "nginx")
	if _, err := net.DialTimeout("tcp", address, time.Second); err == nil {
		t.Errorf("%s still accepts connections after stop", address)
	}
}

// ask speaks redis' protocol.
func ask(t *testing.T, address, command string) string {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(c, "%s\r\n", command); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	line, err := r.ReadString('\n')
	if err == nil && strings.HasPrefix(line, "$") {
		line, err = r.ReadString('\n')
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func TestRedis(t *testing.T) {
	h := vztest.New(t)
	address := daemon(t, h, "redis", "6379", "Ready to accept connections")
	for _, tt := range []struct{ command, want string }{{"PING", "+PONG"}, {"SET key value", "+OK"}, {"GET key", "value"}} {
		if got := ask(t, address, tt.command); got != tt.want {
			t.Errorf("%s = %q, want %q", tt.command, got, tt.want)
		}
	}
	if got := strings.TrimSpace(h.Must("exec", "redis", "redis-cli", "get", "key")); got != "value" {
		t.Errorf("redis-cli in the container says %q", got)
	}
	stops(t, h, "redis")
	since := time.Now().UTC().Format(time.RFC3339Nano)
	h.Must("start", "redis") // its volume has kept the key
	cmd := h.Command("logs", "-f", "--since", since, "redis")
	startWith(t, cmd, "Ready to accept connections")
	address = strings.TrimSpace(h.Must("port", "redis", "6379"))
	if got := ask(t, address, "GET key"); got != "value" {
		t.Errorf("after a restart GET key = %q", got)
	}
	stops(t, h, "redis")
}

func TestPostgres(t *testing.T) {
	h := vztest.New(t)
	address := daemon(t, h, "postgres", "5432", "ready to accept connections")
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	psql := func(query string) string {
		t.Helper()
		return strings.TrimSpace(h.Must("run", "--rm", "-q", "--network", "host", "--entrypoint", "/postgresql/bin/psql", debian(t, "postgres"),
			"-h", "127.0.0.1", "-p", port, "-U", "postgres", "-At", "-c", query))
	}
	psql("create table t as select generate_series(1, 1000) as n")
	if got := psql("select sum(n) from t"); got != "500500" {
		t.Errorf("sum = %q", got)
	}
	stops(t, h, "postgres")
}

// A published port answers on udp too, and a container reaches the one of
// another at the host's address.
func TestPublishedPorts(t *testing.T) {
	h := vztest.New(t)
	image := busybox(t, "busybox")
	h.Must("run", "-q", "-d", "--name", "udp", "-p", "127.0.0.1::7/udp", debian(t, "gzip"), "perl", "-MIO::Socket::INET", "-e",
		`$s = IO::Socket::INET->new(LocalPort => 7, Proto => "udp"); $s->send($m) while $s->recv($m, 99)`)
	address := strings.TrimSpace(h.Must("port", "udp", "7/udp"))
	eventually(t, func() error {
		c, err := net.Dial("udp", address)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
			return err
		}
		if _, err := c.Write([]byte("hello")); err != nil {
			return err
		}
		answer := make([]byte, 10)
		n, err := c.Read(answer)
		if err == nil && string(answer[:n]) != "hello" {
			err = fmt.Errorf("udp answers %q", answer[:n])
		}
		return err
	})
	h.Must("run", "-q", "-d", "--name", "web", "-p", "8", image, "sh", "-c", "mkdir /w; echo page >/w/p; exec httpd -f -p 8 -h /w")
	_, port, err := net.SplitHostPort(strings.Fields(h.Must("port", "web", "8"))[0])
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		r := h.Do("run", "--rm", "-q", "--add-host", "host:host-gateway", image, "wget", "-q", "-O", "-", "http://host:"+port+"/p")
		if r.Stdout != "page\n" {
			return fmt.Errorf("through the host: %s", r)
		}
		return nil
	})
}

// The image's health check gives its verdict as things change.
func TestHealth(t *testing.T) {
	h := vztest.New(t)
	h.Must("run", "-q", "-d", "--name", "c", "--network", "none", "--entrypoint", "sleep", busybox(t, "settings"), "1000")
	for _, want := range []string{"unhealthy", "healthy"} {
		eventually(t, func() error {
			if got := h.Inspect("c", "{{.State.Health.Status}}"); got != want {
				return fmt.Errorf("health is %s, want %s", got, want)
			}
			return nil
		})
		h.Must("exec", "c", "touch", "/tmp/healthy")
	}
}
