package cli

import (
	"os"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative"
	"vz.internal/vzlinuxnative/rootless"
)

// caller is the user who runs this program, as the host knows it.
func caller() int {
	if uid, ok := rootless.User(); ok {
		return uid
	}
	return os.Geteuid()
}

// enterSession executes this program again in its user's session, in which containers
// can be made, and so returns nil only where that is done or nobody needs it: root has
// none, and machines can do without.
func enterSession(g command.Globals, s *command.Services) error {
	if _, inside := rootless.User(); inside || caller() == 0 {
		return nil
	}
	err := rootless.Enter(rootless.Options{
		Survivors: func() *rootless.Namespaces { return vzlinuxnative.Survivors(s.Home, s.Run) },
	})
	if g.Backend == "vm" {
		return nil
	}
	return vzcontract.Errorf(vzcontract.ErrDenied, "%w", err)
}

// refuseSetuid is an error where this program has rights that its caller does not have.
func refuseSetuid() error {
	if rootless.Setuid() {
		return rootless.ErrSetuid
	}
	return nil
}
