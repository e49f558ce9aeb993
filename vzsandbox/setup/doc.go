// Package setup runs commands in an image once and keeps the outcome as another
// image, so that whatever is made of it later starts at once.
//
// The image has the reference vz.local/setup:HASH, where HASH follows from the
// base image's id, the commands and what else they depend on (see [Request]). The
// registry vz.local does not exist: nothing is ever pulled from it. The reference
// appears when all commands have succeeded, so the cache never holds half of a
// setup. It is an ordinary image with the label [Label]: `vz image prune` leaves it,
// as it has a name; `vz image prune -a` removes it when no container uses it, and
// then the next [Image] makes it anew.
package setup
