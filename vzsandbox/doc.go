// Package vzsandbox will be sandboxes for programs that run other programs: pool, session, snapshots.
// It holds nothing yet; package channel is there.
package vzsandbox
