// Package cgroup measures, limits, freezes, kills and removes the cgroup of a
// container, found by its path ("/vz/<id>", below an optional parent). It works
// from any process, not only from the container's parent, and with cgroup
// version 1, version 2 and the hybrid of both.
//
// Where systemd runs the host the cgroup is a scope that systemd made; else it
// is a plain directory in each hierarchy.
package cgroup
