// Package portproxy holds host ports and, where the kernel does not send their
// traffic on by itself, copies it to the container.
package portproxy
