package macos

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"vz.internal/vzcore/config"
)

// A Finding is what one check of the host found.
type Finding struct {
	Name   string
	OK     bool
	Detail string
	Remedy string // the next step; empty if there is none
}

// MinMacOS is the oldest macOS of a host.
const MinMacOS = 14

// Validate looks at what a Mac needs to run guests: its processor, its macOS, the
// signatures of programs, room below home. Nil run is a system that is no Mac.
func (run Run) Validate(ctx context.Context, home string, programs []string) []Finding {
	if run == nil {
		return []Finding{{Name: "mac", Detail: "this is no Mac: macOS guests need Virtualization.framework"}}
	}
	all := []Finding{run.processor(ctx), run.system(ctx)}
	for _, program := range programs {
		f := Finding{Name: "signed", OK: true, Detail: program + " may run machines"}
		if err := run.Signed(ctx, program); err != nil {
			f.OK, f.Detail, f.Remedy = false, err.Error(), "vz vm self-sign"
		}
		all = append(all, f)
	}
	return append(all, room(home, free))
}

func (run Run) processor(ctx context.Context) Finding {
	f := Finding{Name: "mac", OK: true, Detail: "Apple Silicon, with virtualisation"}
	for _, name := range []string{"hw.optional.arm64", "kern.hv_support"} {
		out, err := run(ctx, "sysctl", "-n", name)
		if err != nil || strings.TrimSpace(string(out)) != "1" {
			f.OK, f.Detail = false, fmt.Sprintf("%s is not 1: macOS guests need a Mac with Apple Silicon that is no virtual machine itself", name)
			break
		}
	}
	return f
}

func (run Run) system(ctx context.Context) Finding {
	out, err := run(ctx, "sw_vers", "-productVersion")
	version := strings.TrimSpace(string(out))
	major, _, _ := strings.Cut(version, ".")
	n, convErr := strconv.Atoi(major)
	if err != nil || convErr != nil || n < MinMacOS {
		return Finding{Name: "macos", Detail: fmt.Sprintf("macOS %q is older than %d, or not known", version, MinMacOS), Remedy: "update macOS"}
	}
	return Finding{Name: "macos", OK: true, Detail: "macOS " + version}
}

// room tells whether a restore image and a guest would fit.
func room(home string, free func(string) (uint64, error)) Finding {
	have, err := free(home)
	for errors.Is(err, fs.ErrNotExist) && home != filepath.Dir(home) { // it will be made
		home = filepath.Dir(home)
		have, err = free(home)
	}
	if err != nil {
		return Finding{Name: "room", Detail: err.Error()}
	}
	f := Finding{Name: "room", OK: have >= 2*installed, Detail: fmt.Sprintf("%d GiB free below %s", have/config.GiB, home)}
	if !f.OK {
		f.Detail += fmt.Sprintf("; a guest with its restore image needs %d", 2*installed/config.GiB)
		f.Remedy = "free some, as with vz vm cache clean, or point VZ_HOME to a larger disk"
	}
	return f
}
