// Package provision prepares the disk of a macOS guest that has just been installed, so
// that its first boot asks nothing: Setup Assistant is over, a user exists and is logged
// in, vz's agent runs.
//
// [Files] makes what has to be on the disk, as a [Tree] in memory; [Tree.Write] writes it
// into a mounted volume without following a link; [Disks] mounts that volume with the
// tools of macOS. Only those tools need a Mac.
//
// Apple documents none of these files but launchd's and the dictionary with a user's
// password (device-management, passwordHash). Where a tool of the guest can do the rest,
// a job does it that runs once when the guest boots: membership in the group admin, the
// rest of the home directory, sleep, the list of users before the disk is mounted.
package provision
