// Package ocicli is the command line of an OCI runtime: create, start, state,
// kill, delete, run, exec and list, on the engine's libcontainer. It proves the
// engine against the validation programs of the runtime specification; nothing
// else of vz uses it. A created container needs no parent: its init waits for
// start at a named pipe below the state directory.
package ocicli
