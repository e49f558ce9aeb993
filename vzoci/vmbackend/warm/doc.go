// Package warm keeps saved guests that have booted and run nothing yet. The machine of a
// container starts from one in a fraction of the time that a boot takes.
//
// They are a cache: each is found by the fingerprint of what must be the same (kernel,
// initramfs, processors, memory, devices, QEMU, accelerator), appears when all of it is
// written, and may be removed at any time. Who cannot use one boots.
//
// # What guests of one snapshot share
//
// Before anything but its agent and the monitor that waits for the container runs in a
// guest, the agent has mixed fresh random bytes
// of the host into the kernel's generator and had it start anew, and the guest has a
// machine id, a hardware address and a clock of its own; its boot id is made after that.
// Keys, addresses of programs in memory and all else that programs draw from the kernel
// differ from then on.
//
// What the kernel drew while it booted stays the same in all of them: where it lies in
// memory (KASLR), its stack canaries, the secrets of its slab allocator and of tables
// that were made at boot. A program that learns these in one guest knows them in the
// others of this host, until the snapshot is made anew. Who wants none of that sets
// VZ_WARM=off.
package warm
