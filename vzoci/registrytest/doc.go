// Package registrytest is a registry for tests: in memory, on loopback, and
// as badly behaved as a test wants it. Faults are injected per request and
// happen when the request does, so tests need no clock.
package registrytest
