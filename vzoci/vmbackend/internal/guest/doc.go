// Package guest is what is kept of each container in a virtual machine: its record,
// which who creates it writes once, its state, which the process that runs the
// machine writes, and the lock that this process holds. All are files of one
// directory per machine.
package guest
