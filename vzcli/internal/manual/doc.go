// Package manual writes what people read about the commands, from the
// definitions that the programs parse with: manual pages for man, and the
// reference in docs. Neither can say what the programs do not do.
package manual
