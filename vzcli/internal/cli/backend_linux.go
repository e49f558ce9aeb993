package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/route"
	"vz.internal/vzlinuxnative"
	"vz.internal/vzlinuxnative/network/machine"
	"vz.internal/vzlinuxnative/rootless"
	"vz.internal/vzoci"
	"vz.internal/vzoci/vmbackend"
)

// openBackend wires what runs containers on Linux.
func openBackend(g command.Globals, s *command.Services) (*command.Services, error) {
	if err := enterSession(g, s); err != nil {
		return nil, notYours(err)
	}
	images, logins, err := openImages(s.Home)
	if err != nil {
		return nil, notYours(err)
	}
	native, vm, err := openBoth(s, images)
	if err != nil {
		return nil, notYours(err)
	}
	b := route.New(native, vm)
	s.Host = func() command.Host { return host(native) }
	if g.Backend == "vm" {
		b, s.Host = route.New(vm, native), nil
	}
	// Images go through the backend, which ends the leases of removed containers.
	s.Backend, s.Images, s.Store, s.Logins = b, b, imageStore{images}, logins
	return s, nil
}

// host describes where the containers of this kernel are.
func host(native *vzlinuxnative.Backend) command.Host {
	h := command.Host{SecurityOptions: []string{"name=seccomp,profile=builtin", "name=cgroupns"}}
	if _, inside := rootless.User(); inside {
		h.SecurityOptions = append(h.SecurityOptions, "name=rootless")
	}
	h.CgroupDriver, h.CgroupVersion, h.Controllers = native.Cgroups()
	return h
}

// openBoth opens the backends of this host's kernel and of virtual machines. They have
// the same images, volumes and networks.
func openBoth(s *command.Services, images *vzoci.Store) (native *vzlinuxnative.Backend, vm *vmbackend.Backend, err error) {
	native, err = vzlinuxnative.Open(vzlinuxnative.Options{
		Home: s.Home, Run: s.Run, Images: images, Log: slog.Default(),
		VolumeUsers: func(volume string) ([]string, error) { return vm.VolumeUsers(volume) },
	})
	if err != nil {
		return nil, nil, err
	}
	opts := vmbackend.Options{Home: s.Home, Run: s.Run, Images: images, Volumes: native, Launch: launcher(s), Log: slog.Default()}
	if opts.NoNetworks = machine.Available(); opts.NoNetworks == nil {
		opts.Networks = native
	}
	vm, err = vmbackend.Open(opts)
	return native, vm, err
}

// notYours tells an ordinary user what to do about directories of root.
func notYours(err error) error {
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 && !strings.Contains(err.Error(), "VZ_HOME") {
		return fmt.Errorf("%w; run vz as root, or set VZ_HOME and VZ_RUN to directories of your own", err)
	}
	return err
}
