//go:build linux

package userdb

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/inroot"
)

// A User is who a process runs as.
type User struct {
	UID, GID uint32
	Groups   []uint32 // supplementary, ascending
	Home     string   // "/" when the user is not in /etc/passwd
}

// Lookup finds user, "uid|name[:gid|group]", and the supplementary groups,
// by name or id, in the files below root. An empty user is root. A user given
// without a group is in the groups that /etc/group lists him in. A name that
// is not there or an id out of range is ErrValidation.
func Lookup(root, user string, groups []string) (User, error) {
	passwd, err := read(root, "etc/passwd")
	if err != nil {
		return User{}, err
	}
	group, err := read(root, "etc/group")
	if err != nil {
		return User{}, err
	}
	return lookup(parsePasswd(passwd), parseGroup(group), user, groups)
}

func read(root, path string) ([]byte, error) {
	f, err := inroot.Open(root, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "read /%s of the image: %w", path, err)
	}
	defer f.Close()
	return readBounded(f, path)
}

func lookup(users []passwdEntry, groups []groupEntry, spec string, extra []string) (User, error) {
	name, group, hasGroup := strings.Cut(spec, ":")
	if name == "" {
		name = "0"
	}
	u := User{Home: "/"}
	entry, known, err := findUser(users, name)
	if err != nil {
		return User{}, err
	}
	u.UID = entry.uid
	if known {
		u.GID = entry.gid
		if entry.home != "" {
			u.Home = entry.home
		}
	}
	switch {
	case hasGroup && group != "":
		if u.GID, err = findGroup(groups, group); err != nil {
			return User{}, err
		}
	case known:
		for _, g := range groups {
			if slices.Contains(g.members, entry.name) {
				u.Groups = append(u.Groups, g.gid)
			}
		}
	}
	for _, g := range extra {
		gid, err := findGroup(groups, g)
		if err != nil {
			return User{}, err
		}
		u.Groups = append(u.Groups, gid)
	}
	slices.Sort(u.Groups)
	u.Groups = slices.Compact(u.Groups)
	return u, nil
}

// findUser finds a user by name, then by number. A number needs no entry.
func findUser(users []passwdEntry, name string) (entry passwdEntry, known bool, err error) {
	for _, e := range users {
		if e.name == name {
			return e, true, nil
		}
	}
	uid, err := parseID(name)
	if err != nil {
		return passwdEntry{}, false, notFound("user", name, "/etc/passwd", err)
	}
	for _, e := range users {
		if e.uid == uid {
			return e, true, nil
		}
	}
	return passwdEntry{uid: uid}, false, nil
}

func findGroup(groups []groupEntry, name string) (uint32, error) {
	for _, g := range groups {
		if g.name == name {
			return g.gid, nil
		}
	}
	gid, err := parseID(name)
	if err != nil {
		return 0, notFound("group", name, "/etc/group", err)
	}
	return gid, nil
}

func notFound(kind, name, file string, err error) error {
	if errors.Is(err, strconv.ErrRange) {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%s %s: ids go from 0 to %d", kind, name, maxID)
	}
	return vzcontract.Errorf(vzcontract.ErrValidation, "%s %q is not in the image's %s", kind, name, file)
}
