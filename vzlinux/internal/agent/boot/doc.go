// Package boot is the guest's first program. [Main] mounts the system's file
// systems, leaves the initramfs, starts the agent as a child and from then on only
// reaps what dies, starts the agent anew if it does, and ends the guest.
//
// The agent is a child so that it may start and wait for programs as any program
// does: orphans come to process 1 and nobody takes an exit status that somebody
// else waits for.
package boot
