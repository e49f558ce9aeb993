//go:build linux

// Package portdial connects to what listens on a port in another network namespace.
//
// A socket belongs for ever to the namespace in which it was made, so a thread enters
// that only to make one, and ends with it. The addresses are those of the namespace
// itself: nothing is connected that is not in it.
package portdial
