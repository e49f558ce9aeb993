package cli

import (
	"slices"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/command/container"
	"vz.internal/vzcli/internal/command/dev"
	"vz.internal/vzcli/internal/command/image"
	"vz.internal/vzcli/internal/command/network"
	"vz.internal/vzcli/internal/command/secret"
	"vz.internal/vzcli/internal/command/system"
	"vz.internal/vzcli/internal/command/volume"
)

// table returns every command.
func table() []command.Command {
	return slices.Concat(container.Commands(), image.Commands(), volume.Commands(), network.Commands(), secret.Commands(), dev.Commands(), system.Commands())
}
