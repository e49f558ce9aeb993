// Package vhostuser is a virtio-vsock device in user space: QEMU connects to it by
// the vhost-user protocol and shares the guest's memory, the guest sees plain
// AF_VSOCK. Neither a host kernel module nor any right is needed.
//
// A [Device] has three parts, each in files of its own: the protocol with QEMU
// (server, message), the guest's memory and rings (memory, ring) and the vsock
// connections (mux, conn, listener, packet).
//
// # Trust
//
// Everything that a guest can write is hostile: ring sizes and addresses are
// checked when they are set, descriptors each time they are read, packets are
// copied out of the guest's memory before anything of them is believed.
// Connections, backlog and buffered bytes are bounded; a guest that breaks the
// protocol loses the connection concerned.
package vhostuser
