// Package system has the programs of vz-box that tell about processes, users,
// terminals, networks and the machine.
package system
