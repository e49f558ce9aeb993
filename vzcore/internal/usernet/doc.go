// Package usernet is the network of config.NetworkUser, in this process: a switch, a
// gateway with DHCP and DNS, a way out, and ports of the host that lead to the guest.
// Hypervisors get the guest's end of a datagram socket, which is how both QEMU and
// Virtualization.framework take a cable.
package usernet
