// Package e2e holds tests of the program vz as a user runs it: real images from
// a real registry, beside podman on the same images, in real terminals, with
// things going wrong. They need root, `make build`, and the Debian packages that
// tools/sh/packages.sh lists; images are cached below .cache/e2e.
package e2e
