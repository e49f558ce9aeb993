// Package hosttest gives a test a host of its own: a process in a new network
// namespace, and further namespaces as containers and as the outside world.
// Nothing is left of them when the process ends.
package hosttest
