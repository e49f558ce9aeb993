package cli

import "vz.internal/vzcli/internal/command"

// openBackend wires what runs containers on macOS.
func openBackend(g command.Globals, s *command.Services) (*command.Services, error) {
	if g.Backend == "native" {
		return nil, unsupportedBackend("native", "containers on the host's kernel need Linux; use --backend vm")
	}
	return nil, unsupportedBackend("vm", "this build of vz has no virtual machines yet; run vz on Linux")
}
