// Package sandbox has tests of sandboxes on the native backend, which package vzsandbox
// itself must not know.
package sandbox
