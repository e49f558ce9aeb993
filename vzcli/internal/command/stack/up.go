package stack

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
	"vz.internal/vzstack"
	"vz.internal/vzstack/compose"
	"vz.internal/vzstack/plan"
)

// makeFlags are those that up and create share.
type makeFlags struct {
	Services           []string `arg:"" optional:"" help:"Services; all without."`
	ForceRecreate      bool     `help:"Make containers anew though nothing changed."`
	NoRecreate         bool     `help:"Keep containers though something changed."`
	AlwaysRecreateDeps bool     `help:"Make containers of dependencies anew too."`
	NoDeps             bool     `help:"Leave dependencies alone."`
	RemoveOrphans      bool     `help:"Remove containers of services that the files no longer have."`
	RenewAnonVolumes   bool     `short:"V" help:"Give new containers new anonymous volumes."`
	Scale              []string `sep:"none" placeholder:"SERVICE=N" help:"Number of containers of a service."`
	Pull               string   `placeholder:"POLICY" help:"Fetch images always, if missing, or never; else as the files say."`
	Timeout            *int     `short:"t" placeholder:"SECONDS" help:"Time to stop before a kill."`
	DryRun             bool     `help:"Say what would be done and do nothing."`
	Build              bool     `hidden:"" help:"Refused: vz builds no images yet."`
	NoBuild            bool     `help:"Accepted: nothing is ever built."`
	Yes                bool     `short:"y" help:"Accepted: nothing is asked."`
}

// options turns the flags into vzstack's, with the project they are about.
func (f *makeFlags) options(env *command.Env, p *project) (*compose.Project, vzstack.UpOptions, error) {
	o := vzstack.UpOptions{
		Services: f.Services, AlwaysRecreateDeps: f.AlwaysRecreateDeps, NoDeps: f.NoDeps,
		RenewVolumes: f.RenewAnonVolumes, DryRun: f.DryRun, Source: p.source(),
	}
	var err error
	switch {
	case f.ForceRecreate && f.NoRecreate:
		return nil, o, command.Usagef("--force-recreate and --no-recreate exclude each other")
	case f.ForceRecreate:
		o.Recreate = plan.Always
	case f.NoRecreate:
		o.Recreate = plan.Never
	}
	if f.Build {
		return nil, o, errBuild
	}
	if o.Scale, err = counts(f.Scale); err != nil {
		return nil, o, err
	}
	if o.Stop.Grace, err = grace(f.Timeout); err != nil {
		return nil, o, err
	}
	switch o.Pull = vzcontract.PullPolicy(f.Pull); o.Pull {
	case "", vzcontract.PullAlways, vzcontract.PullMissing, vzcontract.PullNever:
	default:
		return nil, o, command.Usagef("--pull %s: want always, missing or never", f.Pull)
	}
	loaded, err := p.load(env)
	if err != nil {
		return nil, o, err
	}
	o.RemoveOrphans, o.IgnoreOrphans = orphans(f.RemoveOrphans, loaded)
	for _, line := range loaded.Notices() {
		warn(env, line)
	}
	deps := compose.WithDependencies
	if f.NoDeps {
		deps = compose.WithoutDependencies
	}
	selected, err := loaded.Select(slices.Concat(f.Services, scaled(f.Services, o.Scale)), deps)
	return selected, o, err
}

var errBuild = vzcontract.Errorf(vzcontract.ErrUnsupported,
	"build: vz builds no images yet: build them with another tool and bring them in with `vz load`, or pull them")

// scaled adds services that are only named by --scale.
func scaled(services []string, scale map[string]int) []string {
	if len(services) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(scale))
}

func counts(words []string) (map[string]int, error) {
	out := map[string]int{}
	for _, word := range words {
		name, number, ok := strings.Cut(word, "=")
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n < 0 {
			return nil, command.Usagef("scale %s: want SERVICE=NUMBER", word)
		}
		out[name] = n
	}
	return out, nil
}

func grace(seconds *int) (*time.Duration, error) {
	if seconds == nil {
		return nil, nil
	}
	if *seconds < -1 {
		return nil, command.Usagef("--timeout %d: want seconds from 0 up, or -1 to wait for ever", *seconds)
	}
	d := time.Duration(*seconds) * time.Second
	return &d, nil
}

type up struct {
	*project `kong:"-"`
	makeFlags
	Detach             bool     `short:"d" help:"Run in the background."`
	Wait               bool     `help:"Wait until services run and are healthy; implies -d."`
	WaitTimeout        int      `placeholder:"SECONDS" help:"Longest time to wait."`
	NoStart            bool     `help:"Make containers without starting them."`
	AbortOnExit        bool     `name:"abort-on-container-exit" help:"Stop all when one container ends."`
	AbortOnFailure     bool     `name:"abort-on-container-failure" help:"Stop all when one container fails."`
	ExitCodeFrom       string   `placeholder:"SERVICE" help:"Exit with that service's code; implies --abort-on-container-exit."`
	Attach             []string `sep:"none" placeholder:"SERVICE" help:"Show the output of these services alone."`
	NoAttach           []string `sep:"none" placeholder:"SERVICE" help:"Do not show the output of a service."`
	AttachDependencies bool     `help:"Show the output of dependencies too."`
	Timestamps         bool     `help:"Show when each line was written."`
	NoLogPrefix        bool     `help:"Show output without names."`
	NoColor            bool     `help:"Show names without colours."`
	QuietPull          bool     `help:"Accepted: pulls show one line."`
	Menu               bool     `negatable:"" hidden:"" help:"Accepted."`
	Watch              bool     `short:"w" hidden:"" help:"Refused."`
}

// Run implements command.Verb.
func (c *up) Run(env *command.Env) error {
	background := c.Detach || c.Wait || c.NoStart || c.DryRun
	abort := c.AbortOnExit || c.AbortOnFailure || c.ExitCodeFrom != ""
	switch {
	case c.Watch:
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "--watch: vz stack watches no files")
	case abort && background:
		return command.Usagef("-d, --wait and --no-start cannot be combined with --abort-on-container-exit, --abort-on-container-failure or --exit-code-from")
	case len(c.Attach) > 0 && background:
		return command.Usagef("--attach needs the foreground; leave -d out")
	}
	loaded, opts, err := c.options(env, c.project)
	if err != nil {
		return err
	}
	for _, name := range append(slices.Concat(c.Attach, c.NoAttach), c.ExitCodeFrom) {
		if _, ok := loaded.Services[name]; name != "" && !ok {
			return vzcontract.Errorf(vzcontract.ErrNotFound, "no such service: %s", name)
		}
	}
	opts.NoStart, opts.Wait, opts.WaitTimeout = c.NoStart, c.Wait, time.Duration(c.WaitTimeout)*time.Second
	s, _, err := c.stack(env)
	if err != nil {
		return err
	}
	if !background {
		return c.foreground(env, s, loaded, opts)
	}
	result, err := s.Up(env.Ctx, loaded, opts)
	if err != nil {
		return err
	}
	return report(env, loaded.Name, result.Plan, c.DryRun)
}

// report says what was planned, or that there was nothing to do.
func report(env *command.Env, project string, p *plan.Plan, dry bool) error {
	if dry {
		for _, step := range p.Steps {
			if err := command.PrintLine(env, step.String()); err != nil {
				return err
			}
		}
	}
	if p.Empty() && !env.Globals.Quiet {
		_, err := fmt.Fprintf(env.Stderr, " Project %s  Up to date\n", project)
		return err
	}
	return nil
}

type create struct {
	*project `kong:"-"`
	makeFlags
}

// Run implements command.Verb.
func (c *create) Run(env *command.Env) error {
	loaded, opts, err := c.options(env, c.project)
	if err != nil {
		return err
	}
	opts.NoStart = true
	s, _, err := c.stack(env)
	if err != nil {
		return err
	}
	result, err := s.Up(env.Ctx, loaded, opts)
	if err != nil {
		return err
	}
	return report(env, loaded.Name, result.Plan, c.DryRun)
}

type scale struct {
	*project `kong:"-"`
	Counts   []string `arg:"" placeholder:"SERVICE=N" help:"Services with their numbers of containers."`
	NoDeps   bool     `help:"Leave dependencies alone."`
}

// Run implements command.Verb.
func (c *scale) Run(env *command.Env) error {
	f := makeFlags{Scale: c.Counts, NoDeps: c.NoDeps}
	for _, word := range c.Counts {
		name, _, _ := strings.Cut(word, "=")
		f.Services = append(f.Services, name)
	}
	loaded, opts, err := f.options(env, c.project)
	if err != nil {
		return err
	}
	s, _, err := c.stack(env)
	if err != nil {
		return err
	}
	result, err := s.Up(env.Ctx, loaded, opts)
	if err != nil {
		return err
	}
	return report(env, loaded.Name, result.Plan, false)
}
