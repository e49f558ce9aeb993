//go:build linux

// Package layer compares a container's root with the image's layers, and
// writes the difference as an image layer, or the whole as an archive.
package layer
