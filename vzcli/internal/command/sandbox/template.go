package sandbox

import (
	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/runflags"
	"vz.internal/vzsandbox"
)

// templateFlags say what sandboxes are made from. Names and values are those of vz run
// where it has the same.
type templateFlags struct {
	Env            []string `short:"e" sep:"none" placeholder:"KEY[=VALUE]" help:"Set an environment variable for all commands; vz sandbox inspect shows it."`
	EnvFile        []string `sep:"none" placeholder:"FILE" help:"Read environment variables from a file."`
	User           string   `short:"u" placeholder:"USER[:GROUP]" help:"User that commands run as, by name or id."`
	Workspace      string   `placeholder:"DIR" help:"Where the project is and commands start (/workspace)."`
	Platform       string   `placeholder:"OS/ARCH" help:"Platform of the image."`
	Setup          []string `sep:"none" placeholder:"COMMAND" help:"Run this once with sh -c, with network, and keep the outcome as an image; may be given again."`
	CPUs           string   `name:"cpus" placeholder:"N" help:"Number of processors."`
	Memory         string   `short:"m" placeholder:"SIZE" help:"Limit of memory."`
	Disk           string   `placeholder:"SIZE" help:"Limit of what is written to the root, in virtual machines."`
	PidsLimit      *int64   `aliases:"pids" placeholder:"N" help:"Limit of processes (1024); -1 is none."`
	Network        string   `aliases:"net" placeholder:"MODE" help:"What can be reached: none (the default), or nat for what the host can."`
	Allow          []string `sep:"none" placeholder:"HOST|CIDR[:PORT]" help:"Allow this name, address or range and nothing else; may be given again."`
	CapAdd         []string `sep:"none" placeholder:"CAP" help:"Add a capability to the few that root has."`
	GainPrivileges bool     `help:"Let programs such as sudo gain privileges."`
	TTL            string   `name:"ttl" placeholder:"DURATION" help:"End the sandbox after this time."`
	Timeout        string   `placeholder:"DURATION" help:"Kill each command after this time, unless exec says otherwise."`
	Label          []string `short:"l" sep:"none" placeholder:"KEY[=VALUE]" help:"Set a label."`
	Meta           []string `sep:"none" placeholder:"KEY=VALUE" help:"Note something of your own, which inspect shows."`
}

func (f *templateFlags) template(image string) (t vzsandbox.Template, err error) {
	t = vzsandbox.Template{
		Image: image, Platform: f.Platform, Setup: f.Setup, User: f.User, Workspace: f.Workspace,
		Capabilities: f.CapAdd, GainPrivileges: f.GainPrivileges,
	}
	if t.Env, err = runflags.Environment(f.EnvFile, f.Env); err != nil {
		return t, err
	}
	limits := runflags.LimitFlags{CPUs: f.CPUs, Memory: f.Memory, PidsLimit: f.PidsLimit}
	r, err := limits.Resources()
	if err != nil {
		return t, err
	}
	t.Limits = vzsandbox.Limits{NanoCPUs: r.NanoCPUs, Memory: r.Memory, Pids: r.PidsLimit}
	if t.Limits.Disk, err = runflags.Size("disk", f.Disk); err != nil {
		return t, err
	}
	if t.Network, err = f.network(); err != nil {
		return t, err
	}
	if t.TTL, err = runflags.Duration("ttl", f.TTL); err != nil {
		return t, err
	}
	if t.CommandTimeout, err = runflags.Duration("timeout", f.Timeout); err != nil {
		return t, err
	}
	if t.Labels, err = runflags.Labels(f.Label); err != nil {
		return t, err
	}
	if t.Metadata, err = command.KeyValues("meta", f.Meta); err != nil {
		return t, err
	}
	return t, t.Validate()
}

// prepare returns what sandboxes are made from, with its image fetched, and what makes
// them. Projects must lie below root; see projectRoot.
func (f *templateFlags) prepare(env *command.Env, image, root string) (t vzsandbox.Template, h *vzsandbox.Host, s *command.Services, err error) {
	if t, err = f.template(image); err != nil {
		return t, nil, nil, err
	}
	if root, err = projectRoot(root); err != nil {
		return t, nil, nil, err
	}
	if h, s, err = open(env, root); err != nil {
		return t, nil, nil, err
	}
	return t, h, s, fetch(env, s, t.Image, t.Platform)
}

func (f *templateFlags) network() (vzsandbox.Network, error) {
	switch n := (vzsandbox.Network{Mode: vzsandbox.NetworkMode(f.Network), Allow: f.Allow}); {
	case len(f.Allow) > 0 && (n.Mode == "" || n.Mode == vzsandbox.NetworkAllow):
		n.Mode = vzsandbox.NetworkAllow
		return n, nil
	case len(f.Allow) > 0:
		return n, command.Usagef("--network %s and --allow exclude each other", f.Network)
	case n.Mode == "" || n.Mode == vzsandbox.NetworkNone || n.Mode == vzsandbox.NetworkNAT:
		return n, nil
	case n.Mode == vzsandbox.NetworkAllow:
		return n, command.Usagef("--network allow: say with --allow what is allowed")
	}
	return vzsandbox.Network{}, command.Usagef("--network %s: want none or nat; for some destinations only, use --allow", f.Network)
}
