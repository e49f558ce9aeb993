package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// registry starts Debian's docker-registry on a free port.
func (b *bench) registry() (address string, d *daemon, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	address = l.Addr().String()
	if err := l.Close(); err != nil {
		return "", nil, err
	}
	file := filepath.Join(b.dir, "registry.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %q}\n", filepath.Join(b.dir, "registry"), address)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", nil, err
	}
	ready := func() error {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		return c.Close()
	}
	d, err = startDaemon(filepath.Join(b.dir, "registry.log"), ready, "docker-registry", "serve", file)
	return address, d, err
}
