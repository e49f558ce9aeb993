// Package images makes the images that the end-to-end tests run, without any
// registry beyond the machine: Debian by debootstrap from the mirror that the
// host's apt is set to, daemons from its packages, and busybox from the host's
// static binary. Images are written as OCI layouts, with code of their own, so
// that a defect of vz in writing images cannot hide one in reading them.
package images
