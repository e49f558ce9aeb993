// Package vzcli holds the command line programs of vz.
package vzcli
