// Package ipsw fetches and keeps restore images of macOS, the files of 15 to 25 GB
// from which a macOS guest is installed.
//
// A [Cache] is a directory. A download that broke off goes on where it ended, if the
// server still has the same file; processes that want the same one share one download;
// a file has its name only when all of it is there, is what its digest says, if one is
// pinned, and can be read as a restore image. What a server may do wrong ends in an
// error that says what it was. Nothing of it needs a Mac.
package ipsw
