package vzsandbox

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"vz.internal/vzcontract"
)

// An owner is whom a file belongs to.
type owner struct{ uid, gid int }

// maxUsers bounds what is read of a sandbox's user database, in bytes.
const maxUsers = 4 << 20

// owner returns the user that commands run as, by numbers: names are looked up in the
// sandbox's own files.
func (s *Sandbox) owner(ctx context.Context, c vzcontract.Copier) (owner, error) {
	info, err := s.host.backend.Inspect(ctx, s.id)
	if err != nil {
		return owner{}, err
	}
	return ownerOf(info.User, func(file string) (string, error) {
		data, err := s.read(ctx, c, file, maxUsers)
		if errors.Is(err, vzcontract.ErrNotFound) {
			return "", nil
		}
		return string(data), err
	})
}

// ownerOf reads uid|name[:gid|group]. read returns a file of the user database, which may
// hold anything.
func ownerOf(user string, read func(file string) (string, error)) (o owner, err error) {
	if user == "" {
		return o, nil
	}
	user, group, grouped := strings.Cut(user, ":")
	uid, isUID := number(user)
	gid, isGID := number(group)
	if isUID && isGID {
		return owner{uid, gid}, nil
	}
	users, err := read("/etc/passwd")
	if err != nil {
		return o, err
	}
	o.uid = uid
	entry := lookUp(users, user, isUID)
	switch {
	case len(entry) > 3:
		var okUID, okGID bool
		o.uid, okUID = number(entry[2])
		o.gid, okGID = number(entry[3])
		if !okUID || !okGID {
			return o, invalid("/etc/passwd has no numbers for user %q", user)
		}
	case !isUID:
		return o, invalid("/etc/passwd has no user %q", user)
	}
	if !grouped || isGID {
		if isGID {
			o.gid = gid
		}
		return o, nil
	}
	groups, err := read("/etc/group")
	if err != nil {
		return o, err
	}
	if entry := lookUp(groups, group, false); len(entry) > 2 {
		if o.gid, isGID = number(entry[2]); isGID {
			return o, nil
		}
	}
	return o, invalid("/etc/group has no group %q", group)
}

// number reads a uid or gid.
func number(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return int(n), err == nil
}

// lookUp finds the line of a name, or with byNumber of a number, in a file like
// /etc/passwd.
func lookUp(file, name string, byNumber bool) []string {
	for line := range strings.Lines(file) {
		entry := strings.Split(strings.TrimSpace(line), ":")
		if !byNumber && entry[0] == name || byNumber && len(entry) > 2 && entry[2] == name {
			return entry
		}
	}
	return nil
}
