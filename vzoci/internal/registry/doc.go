// Package registry is a client of the OCI distribution protocol, made for
// large downloads that break: manifests are verified before they are
// returned, blobs are streams that start at any offset, and every failure
// tells whether trying again can help.
//
// It speaks HTTP/1.1 only: each layer then has a connection of its own, with
// its own flow control, and one reset breaks one layer.
package registry
