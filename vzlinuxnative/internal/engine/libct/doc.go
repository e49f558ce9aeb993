// Package libct is the engine that makes containers with runc's libcontainer,
// in this process.
//
// libcontainer executes this process's own program again, with "init" as its
// first argument, to become the container. Importing this package is enough for
// that: its init function takes over then, before main and after the C code of
// libcontainer/nsenter has entered the namespaces. The environment variable
// that libcontainer sets tells such a run from a user who typed "init".
package libct
