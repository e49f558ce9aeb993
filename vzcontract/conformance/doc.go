// Package conformance is the suite that every backend of vz passes.
//
// A backend's test calls [TestBackend] with a factory. Each check is a subtest
// with a fresh backend; optional interfaces are found by type assertion, and
// their checks run where the assertion holds and the Capabilities announce the
// feature. What a backend leaves out is data: [Config.Skip] maps a check's name
// to the reason, and a name that does not exist fails.
//
// The workloads need an image or a root directory with a POSIX shell and the
// usual small programs in /bin, the users of [Passwd] and the groups of [Group].
// [BusyboxRoot] makes one from a static busybox.
package conformance
