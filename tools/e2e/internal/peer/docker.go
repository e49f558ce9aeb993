package peer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// DockerPrograms are what [Docker] needs on PATH.
var DockerPrograms = []string{"dockerd", "docker", "containerd", "runc", "unshare", "ip", "skopeo"}

// Docker starts a daemon with its state in dir, in mount and network namespaces
// of its own, without a bridge: its containers have no network.
func Docker(dir string) (*Peer, error) {
	parent := fmt.Sprintf("e2e-docker-%d", os.Getpid())
	host := "unix://" + dir + "/sock"
	cmd := exec.Command("unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", `ip link set lo up && exec "$@"`, "sh",
		"dockerd", "--data-root", dir+"/root", "--exec-root", dir+"/exec", "--pidfile", dir+"/pid", "-H", host, "--cgroup-parent", "/"+parent,
		"--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	log, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Peer{Name: "docker", Host: host, prefix: []string{"docker", "-H", host}}
	p.stop = func() error {
		err := cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // by the signal
		return errors.Join(err, removeCgroups(parent))
	}
	if err := ready(log); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// ready waits for the daemon's log to say so, and lets the rest of it pass.
func ready(log io.Reader) error {
	lines, text := bufio.NewScanner(log), []string{}
	for lines.Scan() {
		if strings.Contains(lines.Text(), "API listen on") {
			go func() { _, _ = io.Copy(io.Discard, log) }() // ends with the daemon
			return nil
		}
		text = append(text, lines.Text())
	}
	return fmt.Errorf("dockerd ended: %s", strings.Join(text[max(0, len(text)-5):], "\n"))
}

// removeCgroups removes the empty groups with the name in every hierarchy.
func removeCgroups(name string) error {
	var errs []error
	roots, err := filepath.Glob("/sys/fs/cgroup/*/" + name)
	if err != nil {
		return err
	}
	for _, root := range append(roots, "/sys/fs/cgroup/"+name) {
		var dirs []string
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil // what is gone is fine
		})
		for i := len(dirs) - 1; i >= 0; i-- {
			errs = append(errs, os.Remove(dirs[i]))
		}
	}
	return errors.Join(errs...)
}
