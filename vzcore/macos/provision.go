package macos

import (
	"cmp"
	"context"
	"errors"
	"os"

	"vz.internal/vzcore/macos/provision"
)

// Provision prepares the first boot of a guest that was installed and does not run: m
// mounts its data volume, w writes there what o says, with the password of f and an
// identity of the user that is this machine's. Doing it again gives the guest the same
// user. Errors are those of [provision.Files], m, and [provision.Tree.Write].
func Provision(ctx context.Context, m provision.Mounter, w provision.Writer, f Files, o provision.Options) error {
	o.User = cmp.Or(o.User, provision.DefaultUser)
	machine, err := os.ReadFile(f.MachineID())
	if err != nil {
		return err
	}
	o.UUID = provision.UUID(machine, o.User)
	if o.Password, err = f.Password(); err != nil {
		return err
	}
	tree, err := provision.Files(o)
	if err != nil {
		return err
	}
	volume, err := m.Mount(ctx, f.Disk())
	if err != nil {
		return err
	}
	if err := errors.Join(tree.Write(ctx, volume.Root(), w), volume.Close()); err != nil {
		return err
	}
	return f.keep(f.mark(), "")
}
