// Package macos makes macOS guests: it decides and checks what can be decided and checked
// on any system, and asks a [Framework] for what only Virtualization.framework of a Mac
// can do. Restore images are in package ipsw, their descriptors in base, the preparation
// of a guest's first boot in provision.
package macos
