// Package doctor looks at what a Linux host can do for containers: what is
// there, what is missing and how to get it. It changes nothing.
package doctor
