package ocicli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/runc/libcontainer/configs"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"vz.internal/vzlinuxnative/internal/engine/libct"
)

// enterBundle reads the bundle's config.json and makes the bundle the working
// directory, from which libcontainer takes its path.
func enterBundle(dir string) (*specs.Spec, error) {
	if dir != "" {
		if err := os.Chdir(dir); err != nil {
			return nil, fmt.Errorf("bundle: %w", err)
		}
	}
	b, err := os.ReadFile("config.json")
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	spec := new(specs.Spec)
	if err := json.Unmarshal(b, spec); err != nil {
		return nil, fmt.Errorf("config.json of the bundle: %w", err)
	}
	return spec, validProcess(spec.Process)
}

func validProcess(p *specs.Process) error {
	switch {
	case p == nil:
		return errors.New("config.json: process is missing")
	case !filepath.IsAbs(p.Cwd):
		return fmt.Errorf("config.json: process.cwd %q is not absolute", p.Cwd)
	case len(p.Args) == 0:
		return errors.New("config.json: process.args is empty")
	}
	return nil
}

// configOf turns a spec into libcontainer's form, and takes the poststart
// hooks out of it: libcontainer would run them at create.
func configOf(id string, spec *specs.Spec) (*configs.Config, configs.HookList, error) {
	cfg, err := libct.Convert(id, spec)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range cfg.Mounts {
		if m.IsBind() && m.Data != "" {
			// Older runtimes pass over them, and the validation programs
			// expect it.
			fmt.Fprintf(os.Stderr, "vz oci: mount %s: options %s have no meaning for a bind mount\n", m.Destination, m.Data)
			m.Data = ""
		}
	}
	poststart := cfg.Hooks[configs.Poststart]
	delete(cfg.Hooks, configs.Poststart)
	return cfg, poststart, nil
}

// hooksFile holds the poststart hooks between create and start.
const hooksFile = "poststart.json"

func saveHooks(stateDir string, poststart configs.HookList) error {
	if len(poststart) == 0 {
		return nil
	}
	b, err := json.Marshal(&configs.Hooks{configs.Poststart: poststart})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(stateDir, hooksFile), b, 0o600)
}

func loadHooks(stateDir string) (configs.HookList, error) {
	b, err := os.ReadFile(filepath.Join(stateDir, hooksFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var hooks configs.Hooks
	if err := json.Unmarshal(b, &hooks); err != nil {
		return nil, fmt.Errorf("%s: %w", hooksFile, err)
	}
	return hooks[configs.Poststart], nil
}
