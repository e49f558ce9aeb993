// Package sandboxtest is the suite of what sandboxes do on every backend. A backend's
// tests call [Run]; package vzsandbox's own run it on the one in memory.
package sandboxtest
