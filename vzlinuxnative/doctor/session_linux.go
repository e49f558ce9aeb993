package doctor

import (
	"context"
	"fmt"
	"os"
	"slices"

	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/network/uplink"
	"vz.internal/vzlinuxnative/rootless"
)

// ordinary reports that the user is not root: in a session, or without one.
func ordinary() bool {
	_, in := rootless.User()
	return in || os.Geteuid() != 0
}

// forUsers are the checks of an ordinary user: what is the host's own business is left
// out, and what such a user has instead is there.
func forUsers(all []Check) []Check {
	all = slices.DeleteFunc(all, func(c Check) bool {
		return slices.Contains([]string{"nftables", "ip forwarding", "idmapped mounts"}, c.Name)
	})
	for i, c := range all {
		switch c.Name {
		case "user":
			all[i].Run = sessionUser
		case "cgroups":
			all[i].Run = delegatedCgroups
		case "netlink":
			all[i] = Check{"ids", subordinateIDs}
		}
	}
	return append(all, Check{"uplink", userUplink})
}

// userUplink looks for what leads containers' networks out.
func userUplink(context.Context, Dirs) Result {
	name, err := uplink.Available()
	switch {
	case name == "":
		return Result{Status: Warning, Detail: "no pasta and no slirp4netns: --network none, host and internal networks alone work", Remedy: "install pasta (package passt), or slirp4netns"}
	case err != nil:
		return Result{Status: Warning, Detail: err.Error(), Remedy: "modprobe tun; chmod 666 /dev/net/tun (as root)"}
	case name == "slirp4netns":
		return ok(name + ": networks lead out by IPv4; pasta (package passt) is faster and has IPv6")
	}
	return ok(name + ": leads networks out")
}

func sessionUser(context.Context, Dirs) Result {
	if uid, in := rootless.User(); in {
		return ok(fmt.Sprintf("uid %d, an ordinary user: containers run in a user namespace of that user's", uid))
	}
	r := Result{Status: Failed, Detail: fmt.Sprintf("uid %d, and no user namespace could be made", os.Geteuid()), Remedy: "run vz as root, for example with sudo, or run containers in machines with --backend vm"}
	if o := rootless.Obstacle(); o != nil {
		r.Detail += ": " + o.Reason
		r.Remedy = o.Remedy
	}
	return r
}

func subordinateIDs(context.Context, Dirs) Result {
	uid, in := rootless.User()
	if !in {
		uid = os.Geteuid()
	}
	ids := rootless.FindIDs(uid)
	if ids.Missing != "" {
		return Result{
			Status: Warning, Remedy: ids.Remedy + "; it counts when no container runs any more",
			Detail: "one id: containers have root alone, to whom all files of images belong: " + ids.Missing,
		}
	}
	return ok(fmt.Sprintf("%d user ids and %d group ids besides the user's own", total(ids.UIDs), total(ids.GIDs)))
}

func total(ranges []rootless.Range) (n uint64) {
	for _, r := range ranges {
		n += uint64(r.Count)
	}
	return n
}

func delegatedCgroups(ctx context.Context, dirs Dirs) Result {
	if _, in := rootless.User(); !in {
		return cgroups(ctx, dirs)
	}
	if why := cgroup.Denied(); why != "" {
		reason, remedy := cgroup.Explain()
		return Result{Status: Missing, Detail: "none: " + reason + ": limits, pause and stats of containers are refused", Remedy: remedy}
	}
	return withControllers("version 2, below "+cgroup.Base(), cgroup.Controllers(), "let systemd delegate them to users: Delegate=cpu cpuset io memory pids for user@.service")
}
