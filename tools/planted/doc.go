// Package planted shows that `make check` finds mistakes: its test makes them in
// a copy of the repository, and looks for messages that say what to do.
package planted
