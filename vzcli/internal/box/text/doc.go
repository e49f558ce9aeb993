// Package text has the programs of vz-box for texts.
package text
