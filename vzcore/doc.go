// Package vzcore will be one virtual machine: configuration, life cycle, vsock, virtiofs, save and restore.
// It holds nothing yet.
package vzcore
