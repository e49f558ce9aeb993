// Package fake is a backend in memory: containers, images, networks, volumes
// and a few dozen small programs (a shell among them) that behave as on Linux,
// without a process, a namespace or a privilege. It passes the conformance
// suite, so tests of callers that run on it mean something.
//
// [New] returns a backend that lives in this process. [Open] returns one that
// keeps its state in a directory, for command-line tests that call a program
// several times; see there for what becomes of a container whose process ends.
//
// Settings that no program inside could notice here (seccomp, capabilities,
// devices, cgroup weights, …) are checked, kept and shown, not enforced. A
// memory limit is enforced on the variables of shells, a limit of processes on
// processes. Networks have names, addresses and port reservations but carry no
// traffic.
package fake
