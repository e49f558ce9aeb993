// Package unpack applies a layer's archive to an empty directory, in the form
// that overlayfs wants of a lower directory. Archives are hostile input.
//
// The result, stacked by overlayfs on the lower layers, is the tree that
// `umoci unpack` makes:
//
//   - Names are cleaned as text: "../../etc/x" and "/etc/x" are etc/x.
//   - Parents are resolved in the merged tree of this layer and the ones below,
//     with its root as the root for symbolic links, absolute ones and ".." too.
//     A directory of a lower layer that gets an entry is made here with the
//     owner, mode, times and attributes it has there.
//   - A whiteout becomes a character device 0:0, if there is something to
//     hide; ".wh..wh..opq" becomes the attribute trusted.overlay.opaque. Both
//     hide lower layers only, wherever in the archive they stand.
//   - A later entry of the same name replaces an earlier one; a directory only
//     changes its owner, mode, times and attributes.
//   - A hard link to a file of a lower layer copies that file into this layer
//     first, as writing through overlayfs would.
//   - Runs of 64 KiB of zeros become holes, in files that the archive says are
//     sparse runs of 4 KiB.
//
// Attributes that steer overlayfs (trusted.overlay.*, user.overlay.*) and
// security.selinux are left out. A character device 0:0 of the archive's own
// and a directory that is named as a whiteout are errors, since they would
// mean something else in an overlay.
//
// Without root, or with a user namespace of one id, all files belong to the caller. Without
// root or in any user namespace device nodes are empty files,
// what else the kernel forbids is left out, and opaque directories carry
// user.overlay.opaque, for mounts with the option userxattr. [Result] says what
// was left out.
package unpack
