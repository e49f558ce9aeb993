// Package qemu is the driver for QEMU on Linux: with KVM where that works, else
// with QEMU's own translation (TCG). No right and no kernel module is needed: vsock
// is a device of this process, the network another.
//
// QEMU and virtiofsd are children that die with this process, whatever ends it.
package qemu
