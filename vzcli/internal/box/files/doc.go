// Package files has the programs of vz-box for files and directories. Some are
// u-root's, with the exit status and messages that a shell expects.
package files
