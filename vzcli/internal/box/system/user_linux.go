package system

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"vz.internal/vzcli/internal/box/applet"
)

// id tells who runs it: -u -g -G only the user, the group, all groups; -n names.
func id(std *applet.IO, args []string) int {
	opts, rest, err := applet.Options("ugGnr", args)
	if err != nil {
		return std.Fail(err)
	}
	uid, gid := os.Geteuid(), os.Getegid()
	groups, err := os.Getgroups()
	if err != nil {
		return std.Fail(err)
	}
	if len(rest) > 0 {
		if uid, gid, groups, err = lookup(rest[0]); err != nil {
			return std.Fail(err)
		}
	}
	groups = slices.DeleteFunc(groups, func(g int) bool { return g == gid })
	groups = append([]int{gid}, groups...)
	has := func(c byte) bool { _, ok := opts[c]; return ok }
	show := func(n int, name func(int) string) string {
		if has('n') {
			return name(n)
		}
		return strconv.Itoa(n)
	}
	switch {
	case has('u'):
		fmt.Fprintln(std.Out, show(uid, userName))
	case has('g'):
		fmt.Fprintln(std.Out, show(gid, groupName))
	case has('G'):
		fmt.Fprintln(std.Out, joined(groups, " ", func(g int) string { return show(g, groupName) }))
	default:
		named := func(n int, name string) string {
			if name == strconv.Itoa(n) {
				return name
			}
			return fmt.Sprintf("%d(%s)", n, name)
		}
		fmt.Fprintf(std.Out, "uid=%s gid=%s groups=%s\n", named(uid, userName(uid)), named(gid, groupName(gid)),
			joined(groups, ",", func(g int) string { return named(g, groupName(g)) }))
	}
	return 0
}

func joined(all []int, separator string, text func(int) string) string {
	parts := make([]string, len(all))
	for i, n := range all {
		parts[i] = text(n)
	}
	return strings.Join(parts, separator)
}

func lookup(name string) (uid, gid int, groups []int, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return 0, 0, nil, fmt.Errorf("no user %s", name)
		}
	}
	uid, _ = strconv.Atoi(u.Uid) // on Unix a number
	gid, _ = strconv.Atoi(u.Gid) // on Unix a number
	ids, err := u.GroupIds()
	for _, g := range ids {
		n, _ := strconv.Atoi(g) // on Unix a number
		groups = append(groups, n)
	}
	return uid, gid, groups, err
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}

func groupName(gid int) string {
	if g, err := user.LookupGroupId(strconv.Itoa(gid)); err == nil {
		return g.Name
	}
	return strconv.Itoa(gid)
}

func whoami(std *applet.IO, _ []string) int {
	fmt.Fprintln(std.Out, userName(os.Geteuid()))
	return 0
}
