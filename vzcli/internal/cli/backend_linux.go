package cli

import "vz.internal/vzcli/internal/command"

// openBackend wires what runs containers on Linux.
func openBackend(g command.Globals, s *command.Services) (*command.Services, error) {
	if g.Backend == "vm" {
		return nil, unsupportedBackend("vm", "this build of vz has only the native backend")
	}
	return nil, unsupportedBackend("native", "not yet wired")
}
