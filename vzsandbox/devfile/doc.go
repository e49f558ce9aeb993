// Package devfile reads and writes vz.json, which describes a project's
// development environment: the image, what is mounted where, the commands that
// set it up, its environment, ports and limits.
//
// The format is JSON (RFC 8259) of at most 1 MiB, with the keys of [File] in
// camelCase and nothing else: a key that is unknown or there twice, a value of
// another type, a comment and trailing data are errors that name file and line.
// Schema is the same as a JSON Schema (draft 2020-12), for editors.
package devfile
