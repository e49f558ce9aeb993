// Package cli is the program vz: it finds the verb, parses its flags with a
// grammar of that verb alone (building the grammar of all would cost more than
// starting a container), wires the backend and turns errors into exit codes.
package cli
