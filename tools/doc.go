// Package tools holds small programs for people who work on vz.
package tools
