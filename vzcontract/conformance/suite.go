package conformance

import (
	"context"
	"slices"
	"testing"
	"time"

	"vz.internal/vzcontract"
)

// Config says how to build the backend under test and what it leaves out.
type Config struct {
	// New returns a fresh, empty backend. It may skip the test when the host
	// cannot run it. Cleanup belongs in t.Cleanup; the suite closes the backend
	// before, and removes all containers it made.
	New func(t *testing.T) vzcontract.RuntimeBackend

	// Image is what containers are made from, or Rootfs returns a directory.
	// The suite does not write into it.
	Image  string
	Rootfs func(t *testing.T) string

	// Skip maps the name of a check to the reason why the backend does not do
	// it. A name that does not exist fails the suite.
	Skip map[string]string

	// Probes are compared before and after each check. That of goroutines is
	// always there.
	Probes []Probe

	// Timeout bounds one check; zero is one minute.
	Timeout time.Duration
}

// A check is one subtest.
type check struct {
	name    string
	feature vzcontract.Feature // that it needs; empty for the core
	run     func(e *env)
}

// checks are all checks, the negative ones first.
func checks() []check {
	return slices.Concat(
		negativeChecks, lifecycleChecks, configChecks, stdioChecks, execChecks, logChecks, stopChecks, waitChecks,
		userChecks, mountChecks, mounterChecks, limitChecks, restartChecks, healthChecks,
		controlChecks, measureChecks, eventChecks, copyChecks, fileChecks, dialChecks, watchChecks, diffChecks, commitChecks, volumeChecks,
		networkChecks, imageChecks, sharedChecks, checkpointChecks, raceChecks,
	)
}

// Names returns the names of all checks, for a Skip of those that another test has
// run already.
func Names() []string {
	var names []string
	for _, c := range checks() {
		names = append(names, c.name)
	}
	return names
}

// TestBackend runs every check as a subtest. Each gets its own backend.
func TestBackend(t *testing.T, cfg Config) {
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute
	}
	known := make(map[string]bool)
	for _, c := range checks() {
		if known[c.name] {
			t.Errorf("two checks are named %q", c.name)
		}
		known[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			if why, ok := cfg.Skip[c.name]; ok {
				t.Skip(why)
			}
			runCheck(t, cfg, c)
		})
	}
	for name := range cfg.Skip {
		if !known[name] {
			t.Errorf("Skip names %q, which is not a check of this suite", name)
		}
	}
}

func runCheck(t *testing.T, cfg Config, c check) {
	before := takeProbes(t, cfg.Probes)
	b := cfg.New(t)
	ctx, cancel := context.WithTimeout(t.Context(), cfg.Timeout)
	defer cancel()
	e := &env{T: t, ctx: ctx, b: b, cfg: cfg}
	t.Cleanup(func() {
		e.tearDown()
		compareProbes(t, cfg.Probes, before)
	})
	if c.feature != "" {
		if why := e.lacks(c.feature); why != "" {
			t.Skip(why)
		}
	}
	c.run(e)
}

// lacks says why a feature's checks cannot run, or is empty.
func (e *env) lacks(f vzcontract.Feature) string {
	if why, missing := e.b.Capabilities().Missing[f]; missing {
		return "the backend lacks " + string(f) + ": " + why
	}
	if !implements(e.b, f) {
		return "the backend does not implement " + string(f)
	}
	return ""
}

// implements reports whether b has the interface that f stands for.
func implements(b vzcontract.RuntimeBackend, f vzcontract.Feature) (ok bool) {
	switch f {
	case vzcontract.FeaturePause:
		_, ok = b.(vzcontract.Pauser)
	case vzcontract.FeatureRename:
		_, ok = b.(vzcontract.Renamer)
	case vzcontract.FeatureUpdate:
		_, ok = b.(vzcontract.Updater)
	case vzcontract.FeatureStats:
		_, ok = b.(vzcontract.Statser)
	case vzcontract.FeatureEvents:
		_, ok = b.(vzcontract.EventSource)
	case vzcontract.FeatureCopy:
		_, ok = b.(vzcontract.Copier)
	case vzcontract.FeatureFiles:
		_, ok = b.(vzcontract.FileManager)
	case vzcontract.FeatureDiff:
		_, ok = b.(vzcontract.Differ)
	case vzcontract.FeatureCommit:
		_, ok = b.(vzcontract.Committer)
	case vzcontract.FeatureTop:
		_, ok = b.(vzcontract.Topper)
	case vzcontract.FeatureImages:
		_, ok = b.(vzcontract.Images)
	case vzcontract.FeatureNetworks:
		_, ok = b.(vzcontract.Networks)
	case vzcontract.FeatureVolumes:
		_, ok = b.(vzcontract.Volumes)
	case vzcontract.FeatureSharedVM:
		_, ok = b.(vzcontract.SharedVM)
	case vzcontract.FeatureCheckpoint:
		_, ok = b.(vzcontract.Checkpointer)
	case vzcontract.FeatureMount:
		_, ok = b.(vzcontract.Mounter)
	case vzcontract.FeatureDial:
		_, ok = b.(vzcontract.Dialer)
	case vzcontract.FeatureDiskLimit:
		return true // no interface
	case vzcontract.FeatureWatch:
		_, ok = b.(vzcontract.FileWatcher)
	}
	return ok
}
