// Package uplink leads the network namespace of an ordinary user, who cannot connect it
// to the host's, out: a program makes an interface in it, and does outside with sockets
// of the user what is sent there. The programs are pasta and, where that is not there,
// slirp4netns. The host's loopback is not to be reached by that way.
//
// One process, the keeper ([Main]), runs the program for all who [Join]: it is started by
// the first of them and ends after the last. The program dies with the keeper, and the
// keeper starts one again that has died.
package uplink
