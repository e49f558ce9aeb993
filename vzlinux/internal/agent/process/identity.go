package process

import (
	"errors"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"vz.internal/vzcontract"
)

// An identity is who a program runs as.
type identity struct {
	uid, gid   uint32
	groups     []uint32
	name, home string
}

func (i identity) credential() *syscall.Credential {
	return &syscall.Credential{Uid: i.uid, Gid: i.gid, Groups: i.groups}
}

// lookup resolves "user[:group]", names or numbers, and supplementary groups. A
// number need not be in the user database. Without a group it is the user's own
// with all the groups that list the user.
func lookup(spec string, extra []string) (identity, error) {
	id := identity{home: "/", name: "root"}
	name, group, hasGroup := strings.Cut(spec, ":")
	if name == "" {
		name = "0"
	}
	u, err := lookupUser(name)
	if err != nil {
		return id, err
	}
	if u == nil {
		n, err := strconv.ParseUint(name, 10, 31)
		if err != nil {
			return id, vzcontract.Errorf(vzcontract.ErrNotFound, "the guest has no user %q", name)
		}
		id.uid, id.name = uint32(n), ""
	} else {
		id.uid, id.gid, id.name, id.home = number(u.Uid), number(u.Gid), u.Username, u.HomeDir
	}
	if hasGroup {
		if id.gid, err = lookupGroup(group); err != nil {
			return id, err
		}
	} else if u != nil {
		ids, err := u.GroupIds()
		if err == nil {
			for _, g := range ids {
				id.groups = append(id.groups, number(g))
			}
		}
	}
	for _, g := range extra {
		gid, err := lookupGroup(g)
		if err != nil {
			return id, err
		}
		id.groups = append(id.groups, gid)
	}
	return id, nil
}

// lookupUser returns nil if there is no such user. A guest without a user
// database has none.
func lookupUser(name string) (*user.User, error) {
	u, err := user.Lookup(name)
	if err == nil {
		return u, nil
	}
	if _, bad := strconv.ParseUint(name, 10, 31); bad != nil {
		var unknown user.UnknownUserError
		if errors.As(err, &unknown) {
			return nil, nil
		}
		return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "look up user %q: %v", name, err)
	}
	if u, err = user.LookupId(name); err == nil {
		return u, nil
	}
	return nil, nil
}

func lookupGroup(name string) (uint32, error) {
	if g, err := user.LookupGroup(name); err == nil {
		return number(g.Gid), nil
	}
	n, err := strconv.ParseUint(name, 10, 31)
	if err != nil {
		return 0, vzcontract.Errorf(vzcontract.ErrNotFound, "the guest has no group %q", name)
	}
	return uint32(n), nil
}

func number(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 65534 // nobody, rather than root
	}
	return uint32(n)
}
