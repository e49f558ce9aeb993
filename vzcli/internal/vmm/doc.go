// Package vmm is the process that runs one virtual machine, vz-vmm: it holds the
// machine's lock, the hypervisor's handle and two sockets. Through the one the
// machine is controlled, with the frames and handshake of agentproto; each
// connection to the other becomes one to the agent in the guest.
package vmm
