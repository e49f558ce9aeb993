// Package poolsocket is how commands speak with the process that holds a pool of
// sandboxes: typed requests over a unix socket in a directory of the runtime files.
//
// A pool NAME has the files NAME.lock, which its process keeps locked, NAME.sock, and
// NAME.log of what that process writes if it was started in the background.
// The lock tells who lives: a socket whose lock is free is what a killed process has
// left, and the next pool of that name replaces it.
//
// Whoever may connect to the socket may do what the pool's process may: make
// sandboxes of its template and mount in them what lies below its root of projects. So
// the directory and the socket belong to one user alone.
package poolsocket
