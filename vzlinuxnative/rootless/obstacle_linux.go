package rootless

import (
	"os"
	"strings"
)

// An ObstacleError is what keeps ordinary users of this host from user namespaces.
type ObstacleError struct{ Reason, Remedy string }

// Error tells the reason and the next step.
func (o *ObstacleError) Error() string { return o.Reason + "; " + o.Remedy }

// Obstacle returns the setting of this host that keeps ordinary users from user
// namespaces; nil if none is known.
func Obstacle() *ObstacleError {
	for _, s := range []struct {
		file, bad string
		missing   bool // of the file is an obstacle too
		reason    string
		remedy    string
	}{
		{"user/max_user_namespaces", "0", true, "this kernel has no user namespaces, or user.max_user_namespaces is 0", "as root: sysctl user.max_user_namespaces=15000"},
		{"kernel/unprivileged_userns_clone", "0", false, "kernel.unprivileged_userns_clone is 0", "as root: sysctl kernel.unprivileged_userns_clone=1"},
		{
			"kernel/apparmor_restrict_unprivileged_userns", "1", false, "AppArmor keeps user namespaces from programs without a profile (kernel.apparmor_restrict_unprivileged_userns is 1)",
			"as root: give vz a profile that has `userns,`, or sysctl kernel.apparmor_restrict_unprivileged_userns=0",
		},
	} {
		value, err := os.ReadFile("/proc/sys/" + s.file)
		if err != nil && s.missing || err == nil && strings.TrimSpace(string(value)) == s.bad {
			return &ObstacleError{s.reason, s.remedy}
		}
	}
	return nil
}
