// Package shell is the sh of vz-box: the interpreter mvdan.cc/sh with what a
// shell in a container needs besides. Background jobs are processes with a pid
// of their own, that wait, kill and $! know; exec replaces the process; trap
// takes signals; a shell that is process 1 ignores signals that it has no trap
// for, and takes in orphans.
//
// Programs are rewritten before they run: "cmd &" calls __vz_bg with its own
// text, which goes to a new shell together with variables, functions and
// parameters; "exec cmd" outside of subshells calls __vz_exec; $!, $$
// and $0 are variables. Subshells and the parts of a pipeline run inside the process; only
// the programs that they start are processes.
package shell
