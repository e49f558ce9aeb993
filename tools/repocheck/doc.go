// Package repocheck holds the rules of this repository as tests: who may import
// whom, what every module and package must have, what must not be committed.
package repocheck
