// Package console connects a person's terminal, or whatever vz's streams are,
// to a workload: raw mode and its sure restoration, window size, the keys that
// detach, and signals.
package console
