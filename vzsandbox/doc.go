// Package vzsandbox gives programs that run other programs a place to run them:
// make or acquire a sandbox, give it files, run commands, take the results, throw it
// away.
//
// A [Host] makes sandboxes on any vzcontract.RuntimeBackend and never asks which one
// it is; [Host.Capabilities] tells what it can do, and what it cannot is refused with
// vzcontract.ErrUnsupported and the reason. A [Sandbox] is an idle container: `vz
// exec`, `vz inspect`, `vz ps` and `vz rm` know it by its name. A [Pool] keeps some of
// one [Template] warm, so that one is there at once.
//
// # Safe by default
//
// Without a word in the [Template] a sandbox has no network, gains no privileges, has
// no more than [DefaultPids] processes and only the capabilities that root needs for
// files, users and processes of its own. A project directory must lie below
// [Options].Root and is read-only unless asked for otherwise.
//
// # What is kept
//
// What a sandbox was made from is a label of its container ([Label]), so it cannot be
// lost while there is one. What changes later, such as the lineage of its snapshots, is
// in one file of [Options].Dir, written before what it describes is done. Both are
// found again by any process, also after the death of the one that made them.
//
// # Errors
//
// They match the classes of vzcontract; [ErrExhausted] is the only one that is new.
package vzsandbox
