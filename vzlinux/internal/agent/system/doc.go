// Package system tells the host about the guest and does what concerns all of it:
// clock, random pool, names, shares, devices.
package system
