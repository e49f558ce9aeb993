// Package store keeps images on disk: an OCI content store, references,
// unpacked layers by chain id, leases and broken downloads. Processes share it
// without a daemon.
//
// # How it stays whole
//
// Whatever has its final name is complete: it was written under a temporary
// name and renamed. Death of a process loses nothing but the directory of its
// session, which the next sweep finds by its free lock. Power loss may leave
// files with the right name and without their contents, so a name that was not
// yet synced is noted below unsynced/ together with the boot id, before it
// appears; after another boot it is not believed. A reference appears after one
// sync of all that it stands for.
//
// # Locks
//
// Every lock is an flock on a file of its own. The guard is held shared while a
// lease or a mark of a [Session] is written, and exclusively while records
// change and while a sweep decides what is garbage and moves it to trash/; it is
// never held during a download or unpacking. A session marks a digest before it
// looks for it, so that a sweep either took the object before or leaves it.
// Locks of blobs and layers serialise those who make them.
package store
