// Package lint only pins the versions of the linters and of gazelle, which
// `make tools` installs. It lies outside go.work, so that their dependencies
// have no say in what vz itself is built with.
package lint
