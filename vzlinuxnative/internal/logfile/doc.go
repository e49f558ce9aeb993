//go:build linux

// Package logfile writes and reads the log of a container: JSON lines as
// Docker's json-file driver has them,
//
//	{"log":"text\n","stream":"stdout","time":"2006-01-02T15:04:05.000000000Z"}
//
// in files rotated by size. Bytes that are not UTF-8 are shown as U+FFFD in
// "log", as Docker does, and kept as they are in a further field, "raw".
package logfile

import "errors"

// maxPart bounds an entry; a longer line comes in parts, of which only the
// last ends with a newline.
const maxPart = 16 << 10

var errForeign = errors.New("not an entry of a log")
