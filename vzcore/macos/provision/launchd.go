package provision

import (
	"fmt"
	"strings"

	"howett.net/plist"
)

// Where things are in the guest; on the volume without the first slash. /usr/local is on
// the same volume as the user's files.
const (
	agentPath     = "/usr/local/libexec/vz-guest-agent"
	firstBootPath = "/usr/local/libexec/vz-first-boot"
	agentJob      = "/Library/LaunchDaemons/internal.vz.agent.plist"
	firstBootJob  = "/Library/LaunchDaemons/internal.vz.first-boot.plist"
)

// A job is a property list of launchd.plist(5).
type job struct {
	Label       string   `plist:"Label"`
	Arguments   []string `plist:"ProgramArguments"`
	RunAtLoad   bool     `plist:"RunAtLoad"`
	KeepAlive   bool     `plist:"KeepAlive,omitempty"`
	ProcessType string   `plist:"ProcessType,omitempty"`
	Out         string   `plist:"StandardOutPath"`
	Err         string   `plist:"StandardErrorPath"`
}

func (j job) encode() ([]byte, error) { return plist.MarshalIndent(j, plist.XMLFormat, "\t") }

// agent is the job that always runs vz's agent, with all the processor that it wants:
// a daemon of the default type is slowed down.
func agent() ([]byte, error) {
	const log = "/var/log/vz-guest-agent.log"
	return job{
		Label: "internal.vz.agent", Arguments: []string{agentPath}, RunAtLoad: true, KeepAlive: true, ProcessType: "Interactive", Out: log, Err: log,
	}.encode()
}

// firstBoot is the job that runs the script of that name when the guest boots.
func firstBoot() ([]byte, error) {
	const log = "/var/log/vz-first-boot.log"
	return job{
		Label: "internal.vz.first-boot", Arguments: []string{"/bin/sh", firstBootPath}, RunAtLoad: true, Out: log, Err: log,
	}.encode()
}

// firstBootScript does what the guest's own tools can do. It goes when all of it has
// worked; until then each boot runs it again.
func firstBootScript(user string) []byte {
	return []byte(strings.TrimLeft(fmt.Sprintf(`
#!/bin/sh
# Written by vz vm provision; removes itself when all has worked.
set -u
failed=0
try() {
	"$@" || { echo "failed with $?: $*" >&2; failed=1; }
}
try /usr/sbin/dseditgroup -o edit -a %[1]s -t user admin
try /usr/sbin/createhomedir -c -u %[1]s
try /usr/bin/pmset -a sleep 0 displaysleep 0 disksleep 0
try /usr/sbin/diskutil apfs updatePreboot /
if [ "$failed" = 0 ]; then
	rm -f %[2]s %[3]s
fi
exit "$failed"
`, user, firstBootJob, firstBootPath), "\n"))
}
