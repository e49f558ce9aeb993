//go:build !linux

package conformance

func hostProbes() []Probe { return nil }
