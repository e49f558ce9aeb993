// Package process starts programs in the guest for the host: with streams or a
// terminal, as any user, in a cgroup of their own where there is one, so that the
// whole tree of a program can be ended.
package process
