//go:build linux || darwin

package vmbackend_test

import (
	"testing"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzcontract/fake"
)

// shared are the checks of what a guest shares with its host.
var shared = map[string]string{
	"mount-bind": noShare, "mount-bind-file": noShare, "mount-bind-read-only": noShare, "mount-bind-create": noShare,
	"add-mount": noShare, "add-mount-file": noShare, "add-mount-read-only": noShare, "add-mount-stays": noShare, "add-mount-states": noShare,
	"add-mount-refused": noShare, "add-mount-taken": noShare, "add-mount-hostile-link": noShare, "remove-mount": noShare,
	"remove-mount-in-use": noShare, "add-mount-fork": noShare,
	"mount-nested": noShare, "volume-shared": noShare, "volume-copies-image": noShare, "volume-subpath": noShare, "volumes-from": noShare,
	"files-mounts": noShare, "files-volume": noShare,
	"limit-disk": "the simulated guest has no disk",
}

const noShare = "the simulated guest has no share"

// TestConformance has everything but the machines: tools/vmtest boots those.
func TestConformance(t *testing.T) {
	conformance.TestBackend(t, conformance.Config{
		New:   func(t *testing.T) vzcontract.RuntimeBackend { return open(t) },
		Image: fake.Builtin,
		// Some checks move much through it, which takes its time with -race.
		Timeout: 5 * time.Minute,
		Skip:    shared,
	})
}
