package cli

import (
	"slices"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/command/container"
	"vz.internal/vzcli/internal/command/image"
)

// table returns every command.
func table() []command.Command {
	return slices.Concat(container.Commands(), image.Commands())
}
