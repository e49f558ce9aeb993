// Package card makes of a guest's network cards what a container's interfaces are on
// the host: the guest's side of package machine.
package card
