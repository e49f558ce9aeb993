package doctor

import (
	"context"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// controllers are those that limits need; all but the last two by default.
var controllers = []string{"cpu", "memory", "pids", "cpuset", "io"}

func cgroups(context.Context, Dirs) Result {
	const root = "/sys/fs/cgroup"
	var st unix.Statfs_t
	if err := unix.Statfs(root, &st); err != nil {
		return Result{Status: Failed, Detail: root + ": " + err.Error(), Remedy: "mount -t cgroup2 cgroup2 " + root}
	}
	if st.Type == unix.CGROUP2_SUPER_MAGIC {
		data, err := os.ReadFile(root + "/cgroup.controllers")
		if err != nil {
			return Result{Status: Failed, Detail: err.Error()}
		}
		return withControllers("version 2", strings.Fields(string(data)), "enable them in cgroup.subtree_control of the parent")
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return Result{Status: Failed, Detail: err.Error()}
	}
	var found []string
	for _, e := range entries {
		found = append(found, strings.Split(e.Name(), ",")...)
	}
	if len(found) == 0 {
		return Result{Status: Failed, Detail: root + " is empty", Remedy: "mount -t cgroup2 cgroup2 " + root}
	}
	mode := "version 1"
	if slices.Contains(found, "unified") {
		mode = "version 1 with an empty version 2 beside it (hybrid)"
	}
	if slices.Contains(found, "blkio") {
		found = append(found, "io")
	}
	return withControllers(mode, found, "mount the controllers below "+root)
}

func withControllers(mode string, found []string, remedy string) Result {
	var have, lacking []string
	for _, c := range controllers {
		if slices.Contains(found, c) {
			have = append(have, c)
		} else {
			lacking = append(lacking, c)
		}
	}
	detail := mode + ": " + strings.Join(have, ", ")
	if len(lacking) > 0 {
		return Result{Status: Warning, Detail: detail + "; without " + strings.Join(lacking, ", ") + " its limits are refused", Remedy: remedy}
	}
	return ok(detail)
}
