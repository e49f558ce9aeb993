package vm

import (
	"os"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
	"vz.internal/vzcore/macos"
	"vz.internal/vzcore/macos/provision"
)

type provisionCmd struct {
	Name     string `arg:"" help:"macOS guest that does not run."`
	User     string `short:"u" default:"dev" help:"Name of the guest's user, who is an administrator and is logged in at boot."`
	FullName string `placeholder:"NAME" help:"The user's full name; the name by default."`
}

// Run implements command.Verb.
func (c *provisionCmd) Run(env *command.Env) error {
	r, err := registry(env)
	if err != nil {
		return err
	}
	run := hostRun()
	if run == nil {
		return macos.Absent("provision " + c.Name)
	}
	rec, err := r.Open(c.Name)
	if err != nil {
		return err
	}
	if rec.MacOS == nil {
		return vzcontract.Errorf(vzcontract.ErrConflict, "%s is a Linux guest, which needs no provisioning", c.Name)
	}
	if os.Geteuid() != 0 {
		return vzcontract.Errorf(vzcontract.ErrDenied, "provision %s: the guest starts only what belongs to root, which root alone can write: sudo vz --home %s --run %s vm provision %s", c.Name, r.Home, r.Run, c.Name)
	}
	program, err := companion("vz-guest-agent")
	if err != nil {
		return err
	}
	agent, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	lock, err := r.Lock(c.Name)
	if err != nil {
		return err
	}
	defer lock.Close()
	files := macos.Files{Dir: r.Dir(c.Name)}
	err = macos.Provision(env.Ctx, provision.Disks{Run: run}, provision.Writer{}, files, provision.Options{
		User: c.User, FullName: c.FullName, Agent: agent, Version: rec.MacOS.Version, Build: rec.MacOS.Build,
	})
	if err != nil {
		return err
	}
	return command.PrintLine(env, files.PasswordFile())
}
