package vzlinuxnative

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// rights are the capabilities without which no container can be made.
var rights = []struct {
	bit  int
	name string
}{
	{unix.CAP_CHOWN, "CAP_CHOWN"},
	{unix.CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
	{unix.CAP_NET_ADMIN, "CAP_NET_ADMIN"},
	{unix.CAP_SETGID, "CAP_SETGID"},
	{unix.CAP_SETPCAP, "CAP_SETPCAP"},
	{unix.CAP_SETUID, "CAP_SETUID"},
	{unix.CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
}

// checkRights tells a caller who cannot run containers why, before some step of
// it is denied.
func checkRights() error {
	if uid := os.Geteuid(); uid != 0 {
		return vzcontract.Errorf(vzcontract.ErrDenied, "containers need root, or a session of an ordinary user (package rootless), and this program runs as uid %d without one", uid)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	var lacking []string
	for _, r := range rights {
		if data[r.bit/32].Effective&(1<<(r.bit%32)) == 0 {
			lacking = append(lacking, r.name)
		}
	}
	if len(lacking) > 0 {
		return vzcontract.Errorf(vzcontract.ErrDenied, "vz runs as root without %s: see vz doctor", strings.Join(lacking, ", "))
	}
	return nil
}
