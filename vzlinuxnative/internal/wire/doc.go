// Package wire is the protocol between vz and a container's monitor, on a unix
// socket: frames of a fixed header and a JSON message, with open files beside
// some of them.
//
// A client sends requests, each with a number of its own; the monitor answers
// each with the same number. An answer to start, attach or exec may be followed
// by one message with number 0, the end of the workload.
//
// Both sides check what they read: sizes, versions and the number of files are
// bounded, and a frame that makes no sense ends the connection.
package wire
