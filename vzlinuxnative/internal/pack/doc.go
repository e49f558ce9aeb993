//go:build linux

// Package pack writes directory trees as tar streams. It works on open
// directories only and follows no link, so that a container that moves its
// files about meanwhile can neither lead it elsewhere nor make it open a
// device or wait for a pipe.
package pack
