// Package ocispec makes the OCI runtime spec of a container from what the user
// asked for and what the image says. The defaults are Docker's: mounts, masked
// paths, devices, capabilities, seccomp. What this host cannot do, and every
// name that means nothing, is an error.
package ocispec
