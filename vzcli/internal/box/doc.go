// Package box holds the programs of vz-box together.
package box
