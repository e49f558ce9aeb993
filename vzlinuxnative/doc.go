// Package vzlinuxnative is the backend that runs containers on the host's own
// Linux kernel, with namespaces, cgroups and libcontainer.
package vzlinuxnative
