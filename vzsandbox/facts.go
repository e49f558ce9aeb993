package vzsandbox

import (
	"encoding/json"
	"errors"

	"vz.internal/vzcontract"
)

// Label is the label by which a container is a sandbox. Its value is JSON that only
// this package reads.
const Label = "vz.sandbox"

// facts are what never changes of a sandbox; they are the value of [Label].
type facts struct {
	Version  int      `json:"version"`
	Template Template `json:"template"` // without Env and Labels
	Project  *Project `json:"project,omitempty"`
	// Metadata is that of the template and of the options of Create.
	Metadata map[string]string `json:"metadata,omitempty"`
	Pool     *poolFacts        `json:"pool,omitempty"`
	// Unlimited says why there is no limit of processes, not even the default one.
	Unlimited string `json:"unlimited,omitempty"`
}

// poolFacts say which pool made a sandbox.
type poolFacts struct {
	Name string `json:"name"`
	// Sandbox is the name that the pool gave it.
	Sandbox string `json:"sandbox"`
	// Lock is the file in Options.Dir that the pool's process keeps locked.
	Lock string `json:"lock"`
}

const factsVersion = 1

func (f facts) label() (string, error) {
	f.Version = factsVersion
	f.Template.Env, f.Template.Labels = nil, nil
	data, err := json.Marshal(f)
	return string(data), err
}

func isSandbox(c vzcontract.ContainerInfo) bool { return c.Config.Labels[Label] != "" }

// factsOf reads those of a container. One that is no sandbox is ErrNotFound.
func factsOf(c vzcontract.ContainerInfo) (f facts, err error) {
	if !isSandbox(c) {
		return f, vzcontract.Errorf(vzcontract.ErrNotFound, "%s is a container, and was not made as a sandbox", c.Name)
	}
	err = json.Unmarshal([]byte(c.Config.Labels[Label]), &f)
	if err == nil && f.Version > factsVersion {
		err = errors.New("it was made by a newer vz")
	}
	if err != nil {
		return f, vzcontract.Errorf(vzcontract.ErrInternal, "read its label %s: %w", Label, err)
	}
	f.Template.Env = c.Config.Env
	f.Template.Labels = ownLabels(c.Config.Labels)
	return f, nil
}

// ownLabels are the labels that the caller gave.
func ownLabels(all map[string]string) map[string]string {
	own := map[string]string{}
	for name, value := range all {
		if name != Label {
			own[name] = value
		}
	}
	return own
}
