package vzsandbox

import "vz.internal/vzcontract"

// An Ability is something that not every host of sandboxes can do.
type Ability string

// The abilities.
const (
	AbilitySnapshots  Ability = "snapshots"   // Snapshot, Restore, Fork
	AbilityCopy       Ability = "copy"        // ReadFile, WriteFile, Upload, Download, Stat, Project.Copy
	AbilityFiles      Ability = "files"       // ReadDir, MakeDir, RemoveFile, Move
	AbilityPause      Ability = "pause"       // Pause, Resume
	AbilityLiveMounts Ability = "live-mounts" // a project that is not a copy for a sandbox of a pool
	AbilityRename     Ability = "rename"      // AcquireOptions.Name
	AbilityCommit     Ability = "commit"      // images of sandboxes, which setup commands need
	AbilitySetup      Ability = "setup"       // Template.Setup
	AbilityAllowLists Ability = "allow-lists" // NetworkAllow
	AbilityDisk       Ability = "disk"        // Limits.Disk
)

// Capabilities maps each ability that is missing to the reason, in words for people.
type Capabilities struct {
	Missing map[Ability]string `json:"missing,omitempty"`
}

// Has reports whether a is there.
func (c Capabilities) Has(a Ability) bool { _, no := c.Missing[a]; return !no }

const (
	noDisk  = "no backend bounds what is written to a root yet"
	noSetup = "this program has no means to run them (Options.Setup)"
)

// optional returns the backend as a T, or ErrUnsupported with the reason.
func optional[T any](h *Host, what string, f vzcontract.Feature) (T, error) {
	if why := h.missing(f); why != "" {
		var none T
		return none, unsupported("%s: %s", what, why)
	}
	t, ok := h.backend.(T)
	if !ok {
		return t, unsupported("%s: %s", what, h.lacks())
	}
	return t, nil
}

func (h *Host) missing(f vzcontract.Feature) string { return h.backend.Capabilities().Missing[f] }

func (h *Host) lacks() string {
	return "the backend " + h.backend.BackendName() + " does not have it"
}

// Capabilities tells what this host lacks here and now.
func (h *Host) Capabilities() Capabilities {
	missing := map[Ability]string{AbilityDisk: noDisk}
	has := func(a Ability, f vzcontract.Feature, ok bool) {
		if why := h.missing(f); why != "" {
			missing[a] = why
		} else if !ok {
			missing[a] = h.lacks()
		}
	}
	_, ok := h.backend.(vzcontract.Checkpointer)
	has(AbilitySnapshots, vzcontract.FeatureCheckpoint, ok)
	_, ok = h.backend.(vzcontract.Copier)
	has(AbilityCopy, vzcontract.FeatureCopy, ok)
	_, ok = h.backend.(vzcontract.FileManager)
	has(AbilityFiles, vzcontract.FeatureFiles, ok)
	_, ok = h.backend.(vzcontract.Pauser)
	has(AbilityPause, vzcontract.FeaturePause, ok)
	_, ok = h.backend.(vzcontract.Mounter)
	has(AbilityLiveMounts, vzcontract.FeatureMount, ok)
	_, ok = h.backend.(vzcontract.Renamer)
	has(AbilityRename, vzcontract.FeatureRename, ok)
	_, ok = h.backend.(vzcontract.Networks)
	has(AbilityAllowLists, vzcontract.FeatureNetworks, ok)
	_, ok = h.backend.(vzcontract.Committer)
	has(AbilityCommit, vzcontract.FeatureCommit, ok)
	if h.opts.Setup == nil {
		missing[AbilitySetup] = noSetup
	}
	return Capabilities{Missing: missing}
}
