package vzstack

import (
	"context"
	"os"
	"path/filepath"
	"runtime"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/compose"
	"vz.internal/vzstack/secret"
)

// Config says what a Stack works with.
type Config struct {
	Backend vzcontract.RuntimeBackend
	// Images is the image store; nil leaves pulling to Create.
	Images vzcontract.Images
	// Home is vz's state directory.
	Home string
	// Progress is told of each step, from several goroutines; nil is nobody.
	Progress func(Progress)
	// Warn gets what people should know and no step is about.
	Warn func(text string)
	// Parallel bounds how many steps run at once; 0 suits the host. Waiting and
	// stopping do not count.
	Parallel int
}

// A Stack runs Compose projects on a backend. Its methods are safe for
// concurrent use, also from several processes.
type Stack struct {
	cfg      Config
	networks vzcontract.Networks
	volumes  vzcontract.Volumes
	events   vzcontract.EventSource // nil where the backend has none
	renamer  vzcontract.Renamer     // nil where the backend has none
	secrets  *secret.Store
}

// New returns a Stack. It does no I/O.
func New(cfg Config) *Stack {
	s := &Stack{cfg: cfg, secrets: secret.New(filepath.Join(cfg.Home, "secrets"))}
	if s.cfg.Progress == nil {
		s.cfg.Progress = func(Progress) {}
	}
	if s.cfg.Warn == nil {
		s.cfg.Warn = func(string) {}
	}
	if s.cfg.Parallel == 0 {
		s.cfg.Parallel = max(8, 4*runtime.NumCPU())
	}
	has := cfg.Backend.Capabilities().Has
	// A backend without networks of the host may have those of shared machines.
	if n, ok := cfg.Backend.(vzcontract.Networks); ok && (has(vzcontract.FeatureNetworks) || has(vzcontract.FeatureSharedVM)) {
		s.networks = n
	}
	if v, ok := cfg.Backend.(vzcontract.Volumes); ok && has(vzcontract.FeatureVolumes) {
		s.volumes = v
	}
	if e, ok := cfg.Backend.(vzcontract.EventSource); ok && has(vzcontract.FeatureEvents) {
		s.events = e
	}
	if r, ok := cfg.Backend.(vzcontract.Renamer); ok && has(vzcontract.FeatureRename) {
		s.renamer = r
	}
	return s
}

// Progress is the state of one thing while a plan is carried out.
type Progress struct {
	Kind   string // "Container", "Network", "Volume", "Image"
	Name   string
	Action string // "Creating", "Created", "Waiting", "Healthy", …
}

// Host is what the translation of a project needs to know of this one.
func (s *Stack) Host(project string) compose.Host {
	var isolations []vzcontract.Isolation
	if several, ok := s.cfg.Backend.(vzcontract.Isolator); ok {
		isolations = several.Isolations()
	}
	return compose.Host{
		FilesDir:  filepath.Join(s.dir(project), "files"),
		Isolation: s.cfg.Backend.Isolation(), Isolations: isolations,
		Secret: func(_ context.Context, name string) ([]byte, error) {
			return s.secrets.Read(name)
		},
		FileName: s.secrets.Fingerprint,
	}
}

func (s *Stack) root() string { return filepath.Join(s.cfg.Home, "stacks") }

func (s *Stack) dir(project string) string { return filepath.Join(s.root(), project) }

// makeDir makes the project's directory, which nobody else may look into.
func (s *Stack) makeDir(project string) error { return os.MkdirAll(s.dir(project), 0o700) }
