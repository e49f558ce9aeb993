// Package owner is the process that runs one virtual machine with its containers. It
// holds the machine's lock and the hypervisor's handle, lets others reach the
// guest's agent, listens on published ports, and ends the machine when its last container
// has stopped and nobody speaks with it any more.
package owner
