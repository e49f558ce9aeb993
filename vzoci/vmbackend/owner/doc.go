// Package owner is the process that runs the virtual machine of one container. It
// holds the machine's lock and the hypervisor's handle, lets others reach the
// guest's agent, listens on published ports, and ends the machine when its container
// has stopped and nobody speaks with it any more.
package owner
