// Package network gives containers their networks: bridges, addresses, NAT,
// published ports, names. It talks to the kernel by netlink alone.
package network
