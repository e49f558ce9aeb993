// Package network configures one interface of a Linux guest, by a static
// configuration or by DHCP, with the kernel's plain ioctl requests.
package network
