package cli

import (
	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

// openBackend wires what runs containers on macOS.
func openBackend(g command.Globals, s *command.Services) (*command.Services, error) {
	if g.Backend == "native" {
		return nil, unsupportedBackend("native", "containers on the host's kernel need Linux; use --backend vm")
	}
	return nil, unsupportedBackend("vm", "this build of vz has no virtual machines yet; run vz on Linux")
}

func unsupportedBackend(name, why string) error {
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "backend %s: %s", name, why)
}
