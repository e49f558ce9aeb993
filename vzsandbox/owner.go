package vzsandbox

import (
	"context"
	"strconv"
	"strings"

	"vz.internal/vzcontract"
)

// An owner is whom a file belongs to.
type owner struct{ uid, gid int }

// owner returns the user that commands run as, by numbers: names are looked up in the
// sandbox's own files.
func (s *Sandbox) owner(ctx context.Context, c vzcontract.Copier) (o owner, err error) {
	info, err := s.host.backend.Inspect(ctx, s.id)
	if err != nil || info.User == "" {
		return o, err
	}
	user, group, grouped := strings.Cut(info.User, ":")
	uid, err := strconv.Atoi(user)
	if err == nil && grouped {
		if gid, err := strconv.Atoi(group); err == nil {
			return owner{uid, gid}, nil
		}
	}
	o = owner{uid: uid}
	entry, found, err := s.lookUp(ctx, c, "/etc/passwd", user, err == nil)
	if err != nil {
		return o, err
	}
	switch {
	case found && len(entry) > 3:
		uid, errUID := strconv.Atoi(entry[2])
		gid, errGID := strconv.Atoi(entry[3])
		if errUID != nil || errGID != nil {
			return o, invalid("/etc/passwd has no numbers for user %s", user)
		}
		o = owner{uid, gid}
	case o.uid == 0 && user != "0":
		return o, invalid("/etc/passwd has no user %s", user)
	}
	if !grouped {
		return o, nil
	}
	if o.gid, err = strconv.Atoi(group); err == nil {
		return o, nil
	}
	entry, found, err = s.lookUp(ctx, c, "/etc/group", group, false)
	if err == nil && found && len(entry) > 2 {
		o.gid, err = strconv.Atoi(entry[2])
		return o, err
	}
	if err == nil {
		err = invalid("/etc/group has no group %s", group)
	}
	return o, err
}

// lookUp finds the line of a name, or with byNumber of a number, in a file like
// /etc/passwd. A file that is not there has none.
func (s *Sandbox) lookUp(ctx context.Context, c vzcontract.Copier, file, name string, byNumber bool) (entry []string, found bool, err error) {
	data, err := s.read(ctx, c, file)
	if err != nil {
		if vzcontract.CodeOf(err) == vzcontract.CodeNotFound {
			err = nil
		}
		return nil, false, err
	}
	for line := range strings.Lines(string(data)) {
		entry := strings.Split(strings.TrimSpace(line), ":")
		if !byNumber && entry[0] == name || byNumber && len(entry) > 2 && entry[2] == name {
			return entry, true, nil
		}
	}
	return nil, false, nil
}
