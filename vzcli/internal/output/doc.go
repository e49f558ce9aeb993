// Package output prints listings and documents the way docker does: as a table
// with headers, as JSON lines, or through a Go template over docker's
// placeholders.
package output
