package devenv

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"

	"vz.internal/vzcontract"
)

// The labels of an environment's container.
const (
	LabelProject = "vz.dev.project" // the project's directory
	LabelDigest  = "vz.dev.digest"  // of all that it was made from
	labelInode   = "vz.dev.inode"   // of the directory
)

// config is the container as vz.json wants it, without its image.
func (p Project) config(backend vzcontract.RuntimeBackend) (vzcontract.RunConfig, error) {
	f := p.File
	memory, err := f.Resources.Memory.Bytes()
	if err != nil {
		return vzcontract.RunConfig{}, err
	}
	disk, err := f.Resources.Disk.Bytes()
	if err != nil {
		return vzcontract.RunConfig{}, err
	}
	if why, missing := backend.Capabilities().Missing[vzcontract.FeatureDiskLimit]; missing && disk > 0 {
		return vzcontract.RunConfig{}, vzcontract.Errorf(vzcontract.ErrUnsupported,
			"%s: resources.disk: backend %s cannot limit the disk space of a container: %s; leave it out", p.path(), backend.BackendName(), why)
	}
	cfg := vzcontract.RunConfig{
		Name: p.Name(), Hostname: p.word(), Pull: vzcontract.PullNever, Idle: true, NetworkMode: "bridge",
		// Process 1 is root's: exec looks up the home of everybody else.
		User: "0:0", WorkingDir: f.Workspace, Env: p.env(),
		Resources: vzcontract.Resources{Memory: memory, Disk: disk, NanoCPUs: f.Resources.NanoCPUs()},
		// The image's own is about a program that does not run.
		Health: &vzcontract.HealthCheck{Test: []string{"NONE"}},
		// Nobody but root is root: what a program makes in the workspace is its owner's.
		Security: vzcontract.SecurityConfig{NoNewPrivileges: p.UID != 0},
	}
	var inodes []string
	for i, m := range f.Mounts {
		source := p.source(m)
		_, _, id, err := owner(os.Stat, source)
		if err != nil {
			return cfg, vzcontract.Errorf(vzcontract.ErrValidation, "%s: mounts[%d].source: %w", p.path(), i, err)
		}
		if info, err := os.Stat(source); err == nil && info.IsDir() {
			inodes = append(inodes, fmt.Sprint(id.number)) // a file may be written anew
		}
		cfg.Mounts = append(cfg.Mounts, vzcontract.Mount{Type: vzcontract.MountBind, Source: source, Target: m.Target, ReadOnly: m.ReadOnly})
	}
	for _, port := range f.Ports {
		m, err := port.Mapping()
		if err != nil {
			return cfg, err
		}
		cfg.Ports = append(cfg.Ports, m)
	}
	cfg.Labels = map[string]string{LabelProject: p.Dir, labelInode: p.inode.String(), LabelDigest: digest(cfg, f.Image, f.Setup, inodes, backend.BackendName())}
	return cfg, nil
}

// env are the variables of vz.json, in a fixed order.
func (p Project) env() []string {
	var env []string
	for _, name := range slices.Sorted(maps.Keys(p.File.Env)) {
		env = append(env, name+"="+p.File.Env[name])
	}
	return env
}

// digest changes when the container would be made otherwise.
func digest(from ...any) string {
	text, err := json.Marshal(append([]any{"vz dev 1"}, from...))
	if err != nil {
		panic("devenv: settings do not marshal: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
