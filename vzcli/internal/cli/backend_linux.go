package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzlinuxnative"
	"vz.internal/vzlinuxnative/network/machine"
	"vz.internal/vzoci/vmbackend"
)

// openBackend wires what runs containers on Linux.
func openBackend(g command.Globals, s *command.Services) (*command.Services, error) {
	images, logins, err := openImages(s.Home)
	if err != nil {
		return nil, notYours(err)
	}
	b, err := vzlinuxnative.Open(vzlinuxnative.Options{Home: s.Home, Run: s.Run, Images: images, Log: slog.Default()})
	if err != nil {
		return nil, notYours(err)
	}
	if g.Backend == "vm" {
		opts := vmbackend.Options{Home: s.Home, Run: s.Run, Images: images, Launch: launcher(s), Log: slog.Default()}
		if opts.NoNetworks = machine.Available(); opts.NoNetworks == nil {
			opts.Networks = b
		}
		b, err := vmbackend.Open(opts)
		if err != nil {
			return nil, notYours(err)
		}
		s.Backend, s.Images, s.Store, s.Logins = b, b, imageStore{images}, logins
		return s, nil
	}
	// Images go through the backend, which ends the leases of removed containers.
	s.Backend, s.Images, s.Store, s.Logins = b, b, imageStore{images}, logins
	return s, nil
}

// notYours tells an ordinary user what to do about directories of root.
func notYours(err error) error {
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 && !strings.Contains(err.Error(), "VZ_HOME") {
		return fmt.Errorf("%w; run vz as root, or set VZ_HOME and VZ_RUN to directories of your own", err)
	}
	return err
}
