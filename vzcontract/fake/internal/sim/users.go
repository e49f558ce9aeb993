package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vz.internal/vzcontract/fake/internal/tree"
)

// An Identity is a resolved user.
type Identity struct {
	UID, GID uint32
	Groups   []uint32
	Home     string
}

// LookupUser resolves uid|name[:gid|group] and supplementary groups with the
// container's own files. An empty user is root.
func LookupUser(view *tree.View, user string, extra []string) (Identity, error) {
	name, group, hasGroup := strings.Cut(user, ":")
	if name == "" {
		name = "0"
	}
	id := Identity{Home: "/"}
	found := false
	passwd := records(view, "/etc/passwd")
	for _, f := range passwd {
		if len(f) < 6 || f[0] != name && f[2] != name {
			continue
		}
		uid, gid := number(f[2]), number(f[3])
		if uid < 0 || gid < 0 {
			continue
		}
		id.UID, id.GID, id.Home, found = uint32(uid), uint32(gid), f[5], true
		name = f[0]
		break
	}
	if !found {
		uid := number(name)
		if uid < 0 {
			return id, fmt.Errorf("unable to find user %s: no matching entries in passwd file", name)
		}
		id.UID = uint32(uid)
	}
	groups := records(view, "/etc/group")
	if hasGroup {
		gid, err := lookupGroup(groups, group)
		if err != nil {
			return id, err
		}
		id.GID = gid
	} else {
		for _, f := range groups {
			if len(f) >= 4 && slices.Contains(strings.Split(f[3], ","), name) && number(f[2]) >= 0 {
				id.Groups = append(id.Groups, uint32(number(f[2])))
			}
		}
	}
	for _, g := range extra {
		gid, err := lookupGroup(groups, g)
		if err != nil {
			return id, err
		}
		id.Groups = append(id.Groups, gid)
	}
	return id, nil
}

func lookupGroup(groups [][]string, group string) (uint32, error) {
	for _, f := range groups {
		if len(f) >= 3 && (f[0] == group || f[2] == group) && number(f[2]) >= 0 {
			return uint32(number(f[2])), nil
		}
	}
	if gid := number(group); gid >= 0 {
		return uint32(gid), nil
	}
	return 0, fmt.Errorf("unable to find group %s: no matching entries in group file", group)
}

// number returns -1 for what is no id.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

func records(view *tree.View, file string) [][]string {
	n, err := view.Stat(file)
	if err != nil {
		return nil
	}
	var all [][]string
	for line := range strings.Lines(string(n.Data)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			all = append(all, strings.Split(line, ":"))
		}
	}
	return all
}

// Users returns the names in the container's passwd file by id.
func Users(view *tree.View) map[uint32]string { return names(records(view, "/etc/passwd")) }

// Groups returns the names in the container's group file by id.
func Groups(view *tree.View) map[uint32]string { return names(records(view, "/etc/group")) }

func names(all [][]string) map[uint32]string {
	m := map[uint32]string{}
	for _, f := range all {
		if len(f) >= 3 && number(f[2]) >= 0 {
			m[uint32(number(f[2]))] = f[0]
		}
	}
	return m
}
