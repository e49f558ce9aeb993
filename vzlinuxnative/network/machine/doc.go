// Package machine joins virtual machines to the networks of containers.
//
// A [Machine] is the network namespace of one machine, in which it is on networks as
// a container is: an interface eth0 with addresses, published ports, a listener for
// names. What the interface gets goes to a tap device as it comes, and what that gets
// to the interface. The hypervisor has the tap's descriptor, and the guest gives its
// card the addresses of the interface.
package machine
