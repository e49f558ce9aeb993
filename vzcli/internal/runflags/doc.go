// Package runflags holds the flags of run and create: docker's names, syntax
// and meaning, turned into a vzcontract.RunConfig. A flag of docker that vz
// cannot honour is refused with the reason; none is ignored.
package runflags
