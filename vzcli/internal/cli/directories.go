package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"

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
		// That of an ordinary user outlives a login, as containers may.
		s.Run = filepath.Join(s.Home, "run")
		if runtime.GOOS != "darwin" && uid == 0 {
			s.Run = "/run/vz"
		}
	}
	if !filepath.IsAbs(s.Home) {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "state directory: $HOME is not set; set $VZ_HOME or give --home")
	}
	if err := ours(s.Home, "VZ_HOME"); err != nil {
		return s, err
	}
	return s, ours(s.Run, "VZ_RUN")
}

// ours refuses a directory in which others can put what vz would believe. One that is
// not there yet is made for this user alone.
func ours(dir, variable string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return nil //nolint:nilerr // who uses it tells
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return nil
	case int(st.Uid) != os.Geteuid():
		return vzcontract.Errorf(vzcontract.ErrDenied, "%s belongs to another user, whose containers and images are not run as yours: set %s to a directory of your own, or chown this one", dir, variable)
	case info.Mode().Perm()&0o002 != 0:
		return vzcontract.Errorf(vzcontract.ErrDenied, "%s may be written to by everybody: chmod o-w it, or set %s to another directory", dir, variable)
	}
	return nil
}

func under(variable, name string) string { return filepath.Join(os.Getenv(variable), name) }
