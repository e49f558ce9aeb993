// Package secret keeps secrets of vz's own, one file each with mode 0600 in a
// directory with mode 0700. What they hold is never printed and never part of
// an error.
package secret
