// Package network gives containers their networks: bridges, addresses, NAT,
// published ports, names. It talks to the kernel by netlink alone.
//
// A [Manager] knows the networks; any number of processes may have one for the
// same directories. A container's monitor reserves a [Sandbox] before the
// container exists (addresses are recorded, host ports are bound), connects it
// to the container's network namespace and closes it when the container has
// ended. What a monitor that was killed left behind, [Manager.Release] and
// [Manager.Repair] take away.
//
// Networks are described in files of Options.Dir and survive a reboot. Who has
// which address is in files of Options.RunDir, written under a lock that dies
// with its process, before the address is used.
package network
