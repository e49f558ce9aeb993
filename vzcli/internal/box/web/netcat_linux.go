package web

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"vz.internal/vzcli/internal/box/applet"
)

// netcat is nc: it connects standard input and output to HOST PORT, or with -l
// -p PORT to who connects first; -u by UDP, -w SECONDS of patience, -z only to
// see whether the port is open.
func netcat(std *applet.IO, args []string) int {
	opts, rest, err := applet.Options("lp:uw:zv", args)
	if err != nil {
		return std.Fail(err)
	}
	has := func(c byte) bool { _, ok := opts[c]; return ok }
	network := "tcp"
	if has('u') {
		network = "udp"
	}
	patience := dialTimeout
	if has('w') {
		seconds, err := strconv.Atoi(opts['w'])
		if err != nil || seconds < 1 {
			return std.Fail(fmt.Errorf("%s: no seconds", opts['w']))
		}
		patience = time.Duration(seconds) * time.Second
	}
	if has('l') {
		port := opts['p']
		if port == "" && len(rest) > 0 {
			port = rest[len(rest)-1]
		}
		if err := parsePort(port); err != nil {
			return std.Fail(err)
		}
		if network == "udp" {
			return std.Fail(errors.New("-l with -u is not supported"))
		}
		l, err := net.Listen(network, ":"+port)
		if err != nil {
			return std.Fail(err)
		}
		c, err := l.Accept()
		_ = l.Close() // one is enough
		if err != nil {
			return std.Fail(err)
		}
		return converse(std, c)
	}
	if len(rest) != 2 {
		return std.Usage("[-uz] [-w SECONDS] HOST PORT | -l -p PORT")
	}
	c, err := net.DialTimeout(network, net.JoinHostPort(rest[0], rest[1]), patience)
	if err != nil {
		return std.Fail(err)
	}
	if has('z') {
		_ = c.Close() // it was only to see
		return 0
	}
	return converse(std, c)
}

// converse copies both ways until the other side ends.
func converse(std *applet.IO, c net.Conn) int {
	defer c.Close()
	go func() {
		_, _ = io.Copy(c, std.In) // the other direction tells
		if half, ok := c.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite() // the other direction tells
		}
	}()
	if _, err := io.Copy(std.Out, c); err != nil {
		return std.Fail(err)
	}
	return 0
}
