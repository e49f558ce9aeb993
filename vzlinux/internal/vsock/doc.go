// Package vsock listens and dials on AF_VSOCK, the sockets between a guest and its host, on
// Linux and macOS. Connections are handled by the runtime's poller, have
// deadlines and half-close.
package vsock
