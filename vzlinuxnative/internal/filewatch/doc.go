//go:build linux

// Package filewatch tells what happens to files below a root that is not trusted, by
// inotify.
//
// The kernel watches inodes, not paths. Each directory is resolved inside the root,
// without links and without leaving the mount of the one that is watched, then watched,
// then listed: what came before the watch is found in the list, what came after it is an
// event. Nothing is kept open but the root, so that a mount that is watched can be
// unmounted. What a container may make grow is bounded: watches, names that are
// remembered, and the kernel's queue, after whose overflow all is watched anew.
package filewatch
