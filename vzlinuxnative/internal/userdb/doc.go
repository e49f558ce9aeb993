// Package userdb looks users and groups up in a container's own /etc/passwd and
// /etc/group. Both files come from an image and are not trusted: they are
// opened inside the root, read up to a bound, and lines that make no sense are
// passed over.
package userdb
