package rootless

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"
)

// A Range is Count ids of the host's from First on.
type Range struct{ First, Count uint32 }

// The files that say which ids users have besides their own.
const (
	subuids = "/etc/subuid"
	subgids = "/etc/subgid"
)

// IDs are those that a user may have in a session besides its own.
type IDs struct {
	UIDs, GIDs []Range
	// Helpers are newuidmap and newgidmap.
	Helpers [2]string
	// Missing tells why there are no others; "" if there are.
	Missing string
	// Remedy tells how to get them.
	Remedy string
}

// FindIDs looks up the ids of a user.
func FindIDs(uid int) IDs {
	var ids IDs
	name := strconv.Itoa(uid)
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	lacking := func(why, remedy string) IDs { return IDs{Missing: why, Remedy: remedy} }
	for i, program := range []string{"newuidmap", "newgidmap"} {
		path, err := exec.LookPath(program)
		if err != nil {
			return lacking(program+" is not on PATH", "install the package uidmap (Debian, Ubuntu) or shadow-utils (Fedora)")
		}
		ids.Helpers[i] = path
	}
	for _, f := range []struct {
		path string
		to   *[]Range
	}{{subuids, &ids.UIDs}, {subgids, &ids.GIDs}} {
		found, err := readRanges(f.path, name, uid)
		remedy := fmt.Sprintf("as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %s (a range that no other user has)", name)
		if err != nil {
			return lacking(err.Error(), remedy)
		}
		if len(found) == 0 {
			return lacking(fmt.Sprintf("%s has no range for %s", f.path, name), remedy)
		}
		*f.to = found
	}
	return ids
}

func readRanges(path, name string, uid int) ([]Range, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var found []Range
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if r, ok := parseRange(lines.Text(), name, uid); ok {
			found = append(found, r)
		}
	}
	return apart(found), lines.Err()
}

// parseRange reads a line such as "ann:100000:65536" if it is that of the user.
func parseRange(line, name string, uid int) (Range, bool) {
	parts := strings.Split(strings.TrimSpace(line), ":")
	if len(parts) != 3 || parts[0] != name && parts[0] != strconv.Itoa(uid) {
		return Range{}, false
	}
	first, err := strconv.ParseUint(parts[1], 10, 32)
	count, err2 := strconv.ParseUint(parts[2], 10, 32)
	if err != nil || err2 != nil || first == 0 || count == 0 || first+count > 1<<32-1 {
		return Range{}, false
	}
	return Range{uint32(first), uint32(count)}, true
}

// apart sorts ranges and leaves out those that have ids of an earlier one.
func apart(ranges []Range) []Range {
	slices.SortFunc(ranges, func(a, b Range) int { return int(int64(a.First) - int64(b.First)) })
	var out []Range
	for _, r := range ranges {
		if n := len(out); n == 0 || uint64(out[n-1].First)+uint64(out[n-1].Count) <= uint64(r.First) {
			out = append(out, r)
		}
	}
	return out
}

// maxLines is how many lines of a map surely fit into the one page of text that the
// kernel takes.
const maxLines = 120

// mapLines are the lines of a map of ids in which own is root and the ranges follow, but
// for one that holds own too: an id has one place in a map.
func mapLines(own int, ranges []Range) [][3]uint32 {
	lines := [][3]uint32{{0, uint32(own), 1}}
	next := uint32(1)
	for _, r := range ranges {
		if holds := uint64(own) >= uint64(r.First) && uint64(own) < uint64(r.First)+uint64(r.Count); holds || len(lines) == maxLines {
			continue
		}
		lines = append(lines, [3]uint32{next, r.First, r.Count})
		next += r.Count
	}
	return lines
}

func fields(lines [][3]uint32) []string {
	var out []string
	for _, l := range lines {
		for _, n := range l {
			out = append(out, strconv.FormatUint(uint64(n), 10))
		}
	}
	return out
}

// writeMaps gives a new user namespace, of process pid, its ids: those of the user's
// ranges, or without such the user's own alone.
func writeMaps(pid, uid, gid int, ids IDs) error {
	if ids.Missing == "" {
		for i, m := range []struct {
			own    int
			ranges []Range
		}{{uid, ids.UIDs}, {gid, ids.GIDs}} {
			args := append([]string{strconv.Itoa(pid)}, fields(mapLines(m.own, m.ranges))...)
			out, err := exec.Command(ids.Helpers[i], args...).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%s: %w: %s", ids.Helpers[i], err, strings.TrimSpace(string(out)))
			}
		}
		return nil
	}
	for _, f := range []struct{ name, text string }{
		{"setgroups", "deny"}, {"uid_map", fmt.Sprintf("0 %d 1", uid)}, {"gid_map", fmt.Sprintf("0 %d 1", gid)},
	} {
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", pid, f.name), []byte(f.text), 0); err != nil {
			return err
		}
	}
	return nil
}
