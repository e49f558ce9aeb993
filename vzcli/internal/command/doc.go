// Package command is what the verbs of vz share: the table entry of a verb, the
// environment it runs in, the services it may ask for and the errors that carry
// an exit code.
//
// The verbs themselves are in its subpackages, one package per kind of thing.
package command
