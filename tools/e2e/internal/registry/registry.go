// Package registry runs Debian's docker-registry on loopback and fills it with
// skopeo.
package registry

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Programs are what the package needs on PATH.
var Programs = []string{"docker-registry", "skopeo"}

// The only account of a registry that was started with [WithPassword].
const (
	User     = "user"
	Password = "secret"
	hash     = "$2y$04$HTBCEHGlTHeEl82ZYnk13OwxagQskSBKyFSOJWNzYrM5.w7BOBNJC"
)

// Who may use the registry.
const (
	Open         = ""
	WithPassword = "password"
)

// A Server is a running registry.
type Server struct {
	// Address is where it listens: 127.0.0.1 with a port.
	Address string

	auth string
	cmd  *exec.Cmd
}

// Start runs a registry that keeps everything in dir. auth is [Open] or
// [WithPassword].
func Start(dir, auth string) (*Server, error) {
	config := fmt.Sprintf("version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\n"+
		"storage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: '127.0.0.1:0', secret: unused}\n", filepath.Join(dir, "data"))
	if auth == WithPassword {
		accounts := filepath.Join(dir, "htpasswd")
		if err := os.WriteFile(accounts, []byte(User+":"+hash+"\n"), 0o600); err != nil {
			return nil, err
		}
		config += fmt.Sprintf("auth: {htpasswd: {realm: test, path: %q}}\n", accounts)
	}
	file := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	s := &Server{auth: auth, cmd: exec.Command("docker-registry", "serve", file)}
	log, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if s.Address, err = address(log); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

var listening = regexp.MustCompile(`listening on ([0-9.:]+)`)

// address waits for the log to tell it, and lets the rest of the log pass.
func address(log io.Reader) (string, error) {
	lines, text := bufio.NewScanner(log), ""
	for lines.Scan() {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			go func() { _, _ = io.Copy(io.Discard, log) }() // ends with the registry
			return m[1], nil
		}
		text += lines.Text() + "\n"
	}
	return "", fmt.Errorf("docker-registry ended: %s", text)
}

// Push copies the image with the tag in an OCI layout to name, with all its
// platforms and the very digests that it has there.
func (s *Server) Push(layout, tag, name string) error {
	return s.skopeo("--all", "--preserve-digests", "oci:"+layout+":"+tag, "docker://"+s.Address+"/"+name)
}

// PushDocker is [Server.Push] in Docker's own formats of manifest.
func (s *Server) PushDocker(layout, tag, name string) error {
	return s.skopeo("--format", "v2s2", "oci:"+layout+":"+tag, "docker://"+s.Address+"/"+name)
}

func (s *Server) skopeo(args ...string) error {
	args = append([]string{"--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false"}, args...)
	if s.auth == WithPassword {
		args = append(args, "--dest-creds", User+":"+Password)
	}
	var stderr bytes.Buffer
	cmd := exec.Command("skopeo", args...)
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("skopeo %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return nil
}

// Close stops the registry.
func (s *Server) Close() error {
	err := s.cmd.Process.Kill()
	_ = s.cmd.Wait() // killed, as it should be
	return err
}
