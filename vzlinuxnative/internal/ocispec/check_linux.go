package ocispec

import (
	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/program"
	"vz.internal/vzlinuxnative/internal/userdb"
)

// Check refuses what New would, as far as that can be known before the root is
// mounted: users, groups and the program are not looked at.
func Check(in engine.SpecInput) error {
	h, err := thisHost()
	if err != nil {
		return err
	}
	h.lookupUser = func(string, string, []string) (userdb.User, error) { return userdb.User{}, nil }
	h.findProgram = func(program.Query) (program.Kind, error) { return program.Native, nil }
	h.throttlePath = func() []string { return nil }
	switch in.Config.Security.Seccomp {
	case "", seccompDefault, seccompAll:
		in.Config.Security.Seccomp = seccompUnconfined // the built-in ones are right, and large
	}
	_, err = build(in, h)
	return err
}
