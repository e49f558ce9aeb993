// Package rootless lets an ordinary user run containers: in a user namespace of that
// user's, the session, in which the user is root and has the ids of /etc/subuid and
// /etc/subgid besides.
//
// All programs of vz run inside the session, so that nothing else in them differs from
// what root's do. [Enter] makes it where there is none and executes the program again;
// package join, which such a program imports, then goes into it before Go begins. A small
// process, the holder, keeps the session's user, mount and network namespaces while one
// of its members lives, a program of vz or a container's monitor, and some seconds more.
// When the holder is killed nothing ends: the next program of vz starts another one in
// the namespaces of a monitor that lives.
//
// The session is in the host's network namespace; [NetNS] is one that belongs to it, for
// the networks of containers.
//
// Files of a session, in "session" below $VZ_RUN or, by default, below "run" of the state,
// a directory that is the user's alone: socket, where the holder gives the namespaces to
// members; lock, held by who makes a session; members, locked by each member as long as it
// lives.
package rootless
