// Package route makes one backend of two: containers are found by name in both, and
// made in the one that their isolation asks for.
package route
