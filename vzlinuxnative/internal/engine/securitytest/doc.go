//go:build linux

// Package securitytest holds the checks of what a container may and may not
// do, as seen from inside it: with specs made by package ocispec, on every
// engine. They need root.
package securitytest
