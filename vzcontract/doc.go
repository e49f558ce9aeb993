// Package vzcontract defines what every vz backend promises and nothing else.
//
// A [RuntimeBackend] turns a [RunConfig] into a container. Two backends exist:
// vmbackend boots a Linux guest (Virtualization.framework or QEMU),
// vzlinuxnative creates namespaces on the host kernel. Callers hold a
// RuntimeBackend and never ask which one it is; abilities that a backend may
// lack are small extra interfaces found by type assertion ([Pauser], [Updater],
// [Copier], …) and announced by its [Capabilities].
//
// # States
//
// The life of containers, sandboxes and shared machines is data, not code:
// [ContainerSteps], [SandboxMoves], [SharedVMMoves]. A repeated step is a no-op,
// a forbidden one is ErrConflict and changes nothing.
//
// # Errors
//
// Failures that a caller can act on match one of the Err values with
// [errors.Is]; [CodeOf] gives the stable code of any error. Texts are for people.
//
// # Proof
//
// Package conformance is the suite that every backend passes; package fake is a
// backend in memory that passes it too.
//
// vzcontract imports only the standard library.
package vzcontract
