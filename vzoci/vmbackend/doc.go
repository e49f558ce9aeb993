// Package vmbackend runs each container in a Linux guest of its own, or several in a
// shared one: the contract's backend over virtual machines.
//
// The guest's agent runs the container with the code of the native backend. What
// belongs to the host stays there: names, images, named volumes, published ports.
// Image layers, bind mounts and volumes are shared with the guest; what the container
// writes to its root lies on a disk of the machine, a sparse file of the host.
//
// A machine is run by a process of its own, see package owner. It starts when it is
// needed and ends soon after its last container has.
//
// A machine holds containers: a private one exactly one, with which it comes and goes;
// a shared one those whose RunConfig.SharedVM names it, and their networks. Each
// container has a record; that of a private machine is the machine's too.
package vmbackend
