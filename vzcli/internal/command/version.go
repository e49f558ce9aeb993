package command

import "runtime/debug"

// What the linker sets in a release; empty in other builds.
var builtVersion string

// Version is that of the release, or of the module that the program was built
// from, or "devel".
func Version() string {
	if builtVersion != "" {
		return builtVersion
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}
