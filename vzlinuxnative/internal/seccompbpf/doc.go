// Package seccompbpf compiles seccomp profiles (OCI runtime spec,
// linux.seccomp) to BPF programs for seccomp(2), without libseccomp.
//
// The program finds the system call by binary search. A call that is newer
// than every call the profile names gets ENOSYS instead of the default errno,
// as with runc, so that a C library falls back to the older call.
package seccompbpf
