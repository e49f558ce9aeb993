package vzsandbox

import (
	"maps"

	"vz.internal/vzcontract"
)

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
	AbilityDial       Ability = "ports"       // Dial, Forward
	AbilityWatch      Ability = "watch"       // Watch
)

// Capabilities maps each ability that is missing to the reason, in words for people.
type Capabilities struct {
	Missing map[Ability]string `json:"missing,omitempty"`
}

// Has reports whether a is there.
func (c Capabilities) Has(a Ability) bool { _, no := c.Missing[a]; return !no }

const noSetup = "this program has no means to run them (Options.Setup)"

// lack returns why the backend is no T; empty when it is one.
func lack[T any](h *Host, f vzcontract.Feature) string {
	if why := h.backend.Capabilities().Missing[f]; why != "" {
		return why
	}
	if _, ok := h.backend.(T); !ok {
		return "the backend " + h.backend.BackendName() + " does not have it"
	}
	return ""
}

// optional returns the backend as a T, or ErrUnsupported with the reason.
func optional[T any](h *Host, what string, f vzcontract.Feature) (t T, err error) {
	if why := lack[T](h, f); why != "" {
		return t, unsupported("%s: %s", what, why)
	}
	return h.backend.(T), nil
}

// Capabilities tells what this host lacks here and now.
func (h *Host) Capabilities() Capabilities {
	missing := map[Ability]string{
		AbilitySnapshots:  lack[vzcontract.Checkpointer](h, vzcontract.FeatureCheckpoint),
		AbilityCopy:       lack[vzcontract.Copier](h, vzcontract.FeatureCopy),
		AbilityFiles:      lack[vzcontract.FileManager](h, vzcontract.FeatureFiles),
		AbilityPause:      lack[vzcontract.Pauser](h, vzcontract.FeaturePause),
		AbilityLiveMounts: lack[vzcontract.Mounter](h, vzcontract.FeatureMount),
		AbilityRename:     lack[vzcontract.Renamer](h, vzcontract.FeatureRename),
		AbilityCommit:     lack[vzcontract.Committer](h, vzcontract.FeatureCommit),
		AbilityAllowLists: lack[vzcontract.Networks](h, vzcontract.FeatureNetworks),
		AbilityDisk:       h.backend.Capabilities().Missing[vzcontract.FeatureDiskLimit],
		AbilityWatch:      lack[vzcontract.FileWatcher](h, vzcontract.FeatureWatch),
		AbilityDial:       lack[vzcontract.Dialer](h, vzcontract.FeatureDial),
	}
	if h.opts.Setup == nil {
		missing[AbilitySetup] = noSetup
	}
	maps.DeleteFunc(missing, func(_ Ability, why string) bool { return why == "" })
	return Capabilities{Missing: missing}
}
