// Package progress shows how far a pull, a push or a load has come: bars on a
// terminal, one line per blob and phase elsewhere, or nothing.
package progress
