// Package stream carries the bytes of a workload: from its stdout and stderr to
// the log and to everybody who is attached, and from those to its stdin.
//
// The files of attached clients are used as they came. They may be a user's
// terminal or pipe, shared with other programs, so their mode is not changed.
package stream
