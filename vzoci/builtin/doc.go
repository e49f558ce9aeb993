// Package builtin makes the image vz:builtin from the static binary vz-box: a
// shell and the usual small programs, users and the directories that programs
// expect. It needs no registry and no network.
//
//	image, err := builtin.New("/usr/lib/vz/vz-box")
//	layer, err := image.Layer()
//
// The image depends on nothing but the bytes of the binary, so that its digests
// are the same wherever and whenever it is made.
package builtin
