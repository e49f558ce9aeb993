package stack

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
	"vz.internal/vzstack"
	"vz.internal/vzstack/compose"
)

// A project is what the flags before the verb say; verbs embed it.
type project struct {
	files, profiles, envFiles []string
	name, dir, ansi           string
	parallel                  int
	underscores, all          bool
}

// flag takes one of docker compose's flags before the verb.
func (p *project) flag(name string, take func() (string, error)) (bool, error) {
	value := ""
	var err error
	switch name {
	case "-f", "--file", "-p", "--project-name", "--profile", "--env-file", "--project-directory", "--parallel", "--ansi":
		if value, err = take(); err != nil {
			return true, err
		}
	}
	switch name {
	case "-f", "--file":
		p.files = append(p.files, value)
	case "-p", "--project-name":
		p.name = value
		return true, compose.CheckName(value)
	case "--profile":
		p.profiles = append(p.profiles, value)
	case "--env-file":
		p.envFiles = append(p.envFiles, value)
	case "--project-directory":
		p.dir = value
	case "--parallel":
		if p.parallel, err = strconv.Atoi(value); err != nil || p.parallel < 1 {
			return true, command.Usagef("--parallel %s: want a number from 1 up", value)
		}
	case "--compatibility":
		p.underscores = true
	case "--all-resources":
		p.all = true
	case "--ansi":
		if p.ansi = value; !slices.Contains([]string{"never", "always", "auto"}, value) {
			return true, command.Usagef("--ansi %s: want never, always or auto", value)
		}
	default:
		return false, nil
	}
	return true, nil
}

func (p *project) source() compose.Source {
	src := compose.Source{
		Files: p.files, Dir: p.dir, Name: p.name, EnvFiles: p.envFiles, Profiles: p.profiles, Env: os.Environ(),
		Underscores: p.underscores || truth(os.Getenv("COMPOSE_COMPATIBILITY")), AllResources: p.all,
	}
	if files := os.Getenv("COMPOSE_ENV_FILES"); len(src.EnvFiles) == 0 && files != "" {
		src.EnvFiles = strings.Split(files, ",")
	}
	return src
}

// truth reads a switch among docker compose's environment variables.
func truth(s string) bool {
	on, err := strconv.ParseBool(strings.ToLower(s))
	return err == nil && on || slices.Contains([]string{"y", "yes", "on"}, strings.ToLower(s))
}

// orphans is what the flag and the environment, which .env is part of, say of
// containers that nothing in the files stands for.
func orphans(flag bool, loaded *compose.Project) (remove, ignore bool) {
	if loaded == nil {
		return flag, false
	}
	return flag || truth(loaded.Environment["COMPOSE_REMOVE_ORPHANS"]), truth(loaded.Environment["COMPOSE_IGNORE_ORPHANS"])
}

// load reads the files and says what is odd about them.
func (p *project) load(env *command.Env) (*compose.Project, error) {
	return p.loadFrom(env, p.source())
}

func (p *project) loadFrom(env *command.Env, src compose.Source) (*compose.Project, error) {
	loaded, err := compose.Load(env.Ctx, src)
	if err != nil {
		return nil, err
	}
	for _, w := range loaded.Warnings {
		warn(env, w)
	}
	return loaded, nil
}

// loadAll reads the files with all profiles on, for verbs about containers
// that exist. Without files, where the project is named, what was kept of it
// or nil is used.
func (p *project) loadAll(env *command.Env, s *vzstack.Stack) (name string, loaded *compose.Project, err error) {
	src := p.source()
	src.Profiles = []string{"*"}
	name = p.name
	if name == "" || len(p.files) > 0 {
		loaded, err = compose.Load(env.Ctx, src)
		name = os.Getenv("COMPOSE_PROJECT_NAME")
		if err == nil {
			return loaded.Name, loaded, nil
		}
		if name == "" || len(p.files) > 0 || !errors.Is(err, vzcontract.ErrNotFound) {
			return "", nil, err
		}
	}
	if record, err := s.Record(name); err == nil {
		src.Files, src.Dir, src.EnvFiles, src.Name = record.Files, record.Dir, record.EnvFiles, name
	}
	loaded, err = compose.Load(env.Ctx, src)
	switch {
	case err == nil:
		return loaded.Name, loaded, nil
	case errors.Is(err, vzcontract.ErrNotFound):
		return name, nil, nil
	}
	return "", nil, err
}

// stack opens the backend.
func (p *project) stack(env *command.Env) (*vzstack.Stack, *command.Services, error) {
	s, err := env.Services()
	if err != nil {
		return nil, nil, err
	}
	printer := newPrinter(env)
	parallel := p.parallel
	if limit := os.Getenv("COMPOSE_PARALLEL_LIMIT"); parallel == 0 && limit != "" {
		// As docker compose has it, -1 is no limit.
		if parallel, err = strconv.Atoi(limit); err != nil || parallel == 0 || parallel < -1 {
			return nil, nil, command.Usagef("COMPOSE_PARALLEL_LIMIT=%s: want a number from 1 up, or -1", limit)
		}
		parallel = max(parallel, 0)
	}
	return vzstack.New(vzstack.Config{
		Backend: s.Backend, Images: s.Images, Home: s.Home, Parallel: parallel,
		Progress: printer.progress, Warn: func(text string) { warn(env, text) },
	}), s, nil
}

// named returns the stack and the project's name, with its files where there
// are any, and refuses services that it does not have.
func (p *project) named(env *command.Env, services []string) (*vzstack.Stack, string, *compose.Project, error) {
	s, _, err := p.stack(env)
	if err != nil {
		return nil, "", nil, err
	}
	name, loaded, err := p.loadAll(env, s)
	if err != nil {
		return nil, "", nil, err
	}
	return s, name, loaded, p.check(env, s, name, loaded, services)
}

// check refuses names that are neither services of the files nor of containers.
func (p *project) check(env *command.Env, s *vzstack.Stack, name string, loaded *compose.Project, services []string) error {
	if len(services) == 0 {
		return nil
	}
	var known []string
	if loaded != nil {
		known = loaded.ServiceNames()
	}
	all, err := s.Containers(env.Ctx, name)
	if err != nil {
		return err
	}
	for _, c := range all {
		known = append(known, c.Service)
	}
	for _, service := range services {
		if !slices.Contains(known, service) {
			slices.Sort(known)
			return vzcontract.Errorf(vzcontract.ErrNotFound, "no such service: %s; project %s has %s",
				service, name, strings.Join(slices.Compact(known), ", "))
		}
	}
	return nil
}

// chosen are the services that a verb is about: those named, else all of the
// files, so that containers of others with the project's name are left alone;
// none where there are no files: then it is all that there is.
func chosen(services []string, loaded *compose.Project) []string {
	if len(services) > 0 || loaded == nil {
		return services
	}
	return slices.Concat(loaded.ServiceNames(), loaded.DisabledServiceNames())
}

func warn(env *command.Env, text string) {
	if env.Globals.Quiet {
		return
	}
	for line := range strings.Lines(text) {
		fmt.Fprintln(env.Stderr, "vz: warning: "+strings.TrimRight(line, "\n"))
	}
}
