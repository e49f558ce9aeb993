//go:build linux

package e2e

import (
	"strings"
	"testing"

	"vz.internal/tools/e2e/internal/vztest"
)

// A restart policy brings a daemon back after its process was killed, with its
// port published (another one where none was named, as docker does), and stop
// ends that.
func TestRestartedDaemon(t *testing.T) {
	h := vztest.New(t)
	address := func() string { return strings.TrimSpace(h.Must("port", "redis", "6379")) }
	h.Must("run", "-q", "-d", "--name", "redis", "--restart", "always", "-p", "127.0.0.1::6379", debian(t, "redis"))
	waitForLog(t, h, "redis", "Ready to accept connections")
	pid := h.Inspect("redis", "{{.State.Pid}}")
	kill(t, pid)
	eventually(t, func() error {
		if now := h.Inspect("redis", "{{.State.Pid}}"); now == pid || now == "0" {
			return errNotYet
		}
		return nil
	})
	eventually(t, func() error {
		if r := h.Do("exec", "redis", "redis-cli", "ping"); r.Stdout != "PONG\n" {
			return errNotYet
		}
		return nil
	})
	if got := ask(t, address(), "PING"); got != "+PONG" {
		t.Errorf("PING = %q", got)
	}
	h.Must("stop", "redis")
	if got := h.Inspect("redis", "{{.State.Status}} {{.RestartCount}}"); got != "exited 1" {
		t.Errorf("after stop the container is %q", got)
	}
}

// A stopped container starts again with its files, and commit makes an image of them.
func TestFilesStay(t *testing.T) {
	h := vztest.New(t)
	image := debian(t, "five")
	h.Must("run", "-q", "--name", "c", "--network", "none", image, "sh", "-c", "echo kept >>/root/file; rm /etc/debian_version; cat /root/file")
	if out := h.Must("start", "-a", "c"); out != "kept\nkept\n" {
		t.Errorf("the second run printed %q", out)
	}
	h.Must("commit", "c", "localhost/made:1")
	out := h.Must("run", "--rm", "-q", "--network", "none", "localhost/made:1", "sh", "-c", "cat /root/file; ls /etc/debian_version 2>&1; id -u")
	if !strings.HasPrefix(out, "kept\nkept\n") || !strings.Contains(out, "No such file") {
		t.Errorf("the committed image printed %q", out)
	}
}
