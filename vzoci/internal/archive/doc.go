// Package archive reads and writes images as one file: Docker's archive, an OCI
// layout in a tar, or both in one. Archives that are read are hostile input.
package archive
