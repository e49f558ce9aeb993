// Package pull moves images between registries and the content store.
//
// A layer passes through three stages at once, each in a goroutine of its own:
// bytes come from the network and go to disk while they are hashed; they are
// decompressed; the archive is hashed again (diffID) and unpacked. Stages hand
// each other large buffers, so nothing is copied twice. Only when both digests
// are right do the blob and the layer get their names.
package pull
