package cli

import (
	"os"
	"path/filepath"
	"runtime"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

// directories finds where state and runtime files live.
func directories(g command.Globals) (*command.Services, error) {
	s := &command.Services{Home: g.Home, Run: g.Run}
	uid := caller()
	if s.Home == "" {
		switch {
		case runtime.GOOS == "darwin":
			s.Home = under("HOME", ".vz")
		case uid == 0:
			s.Home = "/var/lib/vz"
		case os.Getenv("XDG_DATA_HOME") != "":
			s.Home = under("XDG_DATA_HOME", "vz")
		default:
			s.Home = under("HOME", ".local/share/vz")
		}
	}
	if s.Run == "" {
		switch {
		case runtime.GOOS == "darwin":
			s.Run = filepath.Join(s.Home, "run")
		case uid == 0:
			s.Run = "/run/vz"
		default:
			s.Run = userRun(uid, s.Home)
		}
	}
	if !filepath.IsAbs(s.Home) {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "state directory: $HOME is not set; set $VZ_HOME or give --home")
	}
	return s, nil
}

func under(variable, name string) string { return filepath.Join(os.Getenv(variable), name) }
