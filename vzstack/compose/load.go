package compose

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"vz.internal/vzcontract"
)

// A Source says which files make a project, as docker compose's flags do.
type Source struct {
	// Files are Compose files, merged in order; "-" is stdin. Empty looks for
	// $COMPOSE_FILE, then compose.yaml and its kin in Dir or above.
	Files []string
	// Dir is what relative paths start from; empty is the directory of the
	// first file.
	Dir string
	// Name of the project; empty takes the file's name: or the directory's.
	Name     string
	Profiles []string
	// EnvFiles replace .env.
	EnvFiles []string
	// Env is the environment for interpolation, as os.Environ gives it.
	Env []string
	// NoInterpolate leaves ${VARIABLES} as they are.
	NoInterpolate bool
	// NoNormalize leaves out what follows by default.
	NoNormalize bool
	// RelativePaths leaves paths as written.
	RelativePaths bool
	// Underscores names containers project_service_1, as docker-compose 1 did.
	Underscores bool
	// AllResources makes networks and volumes that no service uses too.
	AllResources bool
}

// A Project is a loaded set of Compose files.
type Project struct {
	*types.Project
	// Warnings are what the parser found odd but possible.
	Warnings []string
	// included are files that were read besides ComposeFiles.
	included []string
	// files and dir are where a load began, for its errors.
	files []string
	dir   string
	// separator is what the names of containers are joined by.
	separator string
	all       bool // Source.AllResources
	alone     bool // of a selection WithoutDependencies
}

// Load reads a project. Everything wrong with the files matches
// vzcontract.ErrValidation, a missing file vzcontract.ErrNotFound.
func Load(ctx context.Context, src Source) (*Project, error) {
	p := &Project{separator: "-", all: src.AllResources}
	if src.Underscores {
		p.separator = "_"
	}
	var err error
	p.Warnings = collectWarnings(func() { err = p.load(ctx, src) })
	if err != nil {
		return nil, classify(err, p.files, p.dir)
	}
	for _, f := range p.ComposeFiles {
		p.included = slices.DeleteFunc(p.included, func(have string) bool { return have == f })
	}
	return p, nil
}

func (p *Project) load(ctx context.Context, src Source) error {
	options, err := cli.NewProjectOptions(src.Files, projectOptions(src)...)
	if err != nil {
		return err
	}
	options.WithListeners(func(event string, metadata map[string]any) {
		p.note(options, event, metadata)
	})
	p.files = options.ConfigPaths
	if p.dir, err = options.GetWorkingDir(); err != nil {
		return err
	}
	p.Project, err = options.LoadProject(ctx)
	if err != nil {
		return err
	}
	return p.Locate(checkCycle(p.Project))
}

func projectOptions(src Source) []cli.ProjectOptionsFn {
	return []cli.ProjectOptionsFn{
		cli.WithWorkingDirectory(src.Dir),
		cli.WithEnv(src.Env),
		cli.WithEnvFiles(src.EnvFiles...), // .env of where vz is called may name the files
		cli.WithDotEnv,
		cli.WithConfigFileEnv,
		cli.WithDefaultConfigPath,
		cli.WithEnvFiles(src.EnvFiles...), // .env beside the files says the rest
		cli.WithDotEnv,
		cli.WithDefaultProfiles(src.Profiles...),
		cli.WithName(src.Name),
		cli.WithInterpolation(!src.NoInterpolate),
		cli.WithNormalization(!src.NoNormalize),
		cli.WithResolvedPaths(!src.RelativePaths),
		cli.WithoutEnvironmentResolution, // see Resolve
	}
}

// Resolve reads the env_file of each service into its environment. That is not
// part of Load: a file that is missing is nothing to a service that is not
// wanted, nor to a command that starts nothing.
func (p *Project) Resolve() (*Project, error) {
	resolved, err := p.WithServicesEnvironmentResolved(true)
	if err != nil {
		return nil, classify(err, p.files, p.dir)
	}
	next := *p
	next.Project = resolved
	return &next, nil
}

// note keeps the files that extends reads, so that their lines can be named.
func (p *Project) note(options *cli.ProjectOptions, event string, metadata map[string]any) {
	file, ok := metadata["file"].(string)
	if event != "extends" || !ok {
		return
	}
	if !filepath.IsAbs(file) {
		dir, err := options.GetWorkingDir()
		if err != nil {
			return // the load itself reports it
		}
		file = filepath.Join(dir, file)
	}
	if !slices.Contains(p.included, file) {
		p.included = append(p.included, file)
	}
}

// classify words the parser's errors on one line, with the place in the files
// where there is one, and gives them a class.
func classify(err error, files []string, dir string) error {
	var already *vzcontract.Error
	if errors.As(err, &already) || vzcontract.CodeOf(err) != vzcontract.CodeInternal {
		return err
	}
	text, found := place(files, dir, strings.Join(strings.Fields(err.Error()), " "))
	switch {
	case found && errors.Is(err, fs.ErrNotExist):
		return vzcontract.Errorf(vzcontract.ErrNotFound, "%s", text)
	case found:
		return vzcontract.Errorf(vzcontract.ErrValidation, "%s", text)
	case errors.Is(err, fs.ErrNotExist), strings.Contains(text, "no configuration file provided"):
		return vzcontract.Errorf(vzcontract.ErrNotFound, "read Compose file: %s", text)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return vzcontract.Errorf(vzcontract.ErrValidation, "read Compose file: %s", text)
}

// Select keeps the named services and, unless alone, what they depend on.
// Services whose profile is not active become active when they are named.
func (p *Project) Select(names []string, alone Dependencies) (*Project, error) {
	if len(names) == 0 {
		return p, nil
	}
	for _, name := range names {
		_, on := p.Services[name]
		_, off := p.DisabledServices[name]
		if !on && !off {
			return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "no such service: %s; the project %s has %s",
				name, p.Name, strings.Join(p.ServiceNames(), ", "))
		}
	}
	enabled, err := p.WithServicesEnabled(names...)
	if err != nil {
		return nil, classify(err, p.ComposeFiles, p.WorkingDir)
	}
	option := types.IncludeDependencies
	if alone == WithoutDependencies {
		option = types.IgnoreDependencies
	}
	selected, err := enabled.WithSelectedServices(names, option)
	if err != nil {
		return nil, classify(err, p.ComposeFiles, p.WorkingDir)
	}
	next := *p
	next.Project, next.alone = selected, alone == WithoutDependencies
	return &next, nil
}

// Dependencies says whether a selection takes along what it depends on.
type Dependencies bool

// The choices of Select.
const (
	WithDependencies    Dependencies = false
	WithoutDependencies Dependencies = true
)

// ImageName is what the image of a service is called that is built and has no
// name of its own.
func (p *Project) ImageName(service string) string { return p.Name + p.separator + service }

// NormalName makes a directory's name a project name.
func NormalName(s string) string { return loader.NormalizeProjectName(s) }

// CheckName refuses what cannot name a project.
func CheckName(name string) error {
	if name == "" || loader.NormalizeProjectName(name) != name {
		return vzcontract.Errorf(vzcontract.ErrValidation,
			"project name %q: want lower-case letters, digits, - and _, starting with a letter or digit", name)
	}
	return nil
}

// maxFile bounds what is read of a file that becomes a secret or config.
const maxFile = 16 << 20

// readFile reads a file that the project names.
func readFile(what, name string) ([]byte, error) {
	if err := checkFile(what, name); err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "%s: %s is no regular file, so there can be no copy with another owner or mode", what, name)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = vzcontract.Errorf(vzcontract.ErrValidation, "%s has more than %d MB", name, maxFile>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return data, nil
}

// checkFile refuses a file that does not exist.
func checkFile(what, name string) error {
	_, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "%s: the file %s does not exist", what, name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
