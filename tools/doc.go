// Package tools holds small programs for people who work on vz; nothing
// imports it. Package lint in a module of its own pins the linters.
package tools
