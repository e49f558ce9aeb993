package cli

import (
	"errors"
	"log/slog"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
	"vz.internal/vzoci/vmbackend"
)

// openBackend wires what runs containers on macOS: virtual machines, each with a network
// of its own.
func openBackend(g command.Globals, s *command.Services) (*command.Services, error) {
	if g.Backend == "native" {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "backend native: containers on the host's kernel need Linux; use --backend vm")
	}
	images, logins, err := openImages(s.Home)
	if err != nil {
		return nil, err
	}
	b, err := vmbackend.Open(vmbackend.Options{
		Home: s.Home, Run: s.Run, Images: images, Launch: launcher(s), Log: slog.Default(),
		NoNetworks: errors.New("macOS has no networks that machines could join"),
	})
	if err != nil {
		return nil, err
	}
	s.Backend, s.Images, s.Store, s.Logins = b, b, imageStore{images}, logins
	return s, nil
}
