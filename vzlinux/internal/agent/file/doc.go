// Package file does the host's work on files of the guest: single files as raw
// bytes, trees as tar streams with owners, times, devices and extended attributes.
package file
