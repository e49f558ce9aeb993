package main

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// echo sends back what the host sends to a vsock port, and nothing else: what the channel
// itself takes. It says when it listens.
func echo(args []string) error {
	port, err := strconv.ParseUint(args[0], 10, 32)
	if err != nil {
		return err
	}
	l, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Bind(l, &unix.SockaddrVM{CID: unix.VMADDR_CID_ANY, Port: uint32(port)}); err != nil {
		return err
	}
	if err := unix.Listen(l, 1); err != nil {
		return err
	}
	fmt.Println("listening")
	conn, _, err := unix.Accept(l)
	if err != nil {
		return err
	}
	for b := make([]byte, 4096); ; {
		n, err := unix.Read(conn, b)
		if n <= 0 || err != nil {
			return err
		}
		if _, err := unix.Write(conn, b[:n]); err != nil {
			return err
		}
	}
}
