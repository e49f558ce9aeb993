// Package vm has the verbs of vz vm: virtual machines as such.
package vm
