// Package userns knows the user namespace that this process is in.
package userns

import (
	"os"
	"strconv"
	"strings"
	"sync"
)

// Inside reports whether this process is in a user namespace besides the initial one,
// which maps all ids to themselves. Being root there is not being root of the host:
// devices, limits above the hard ones and kernel settings are not to be had.
var Inside = sync.OnceValue(func() bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && strings.Join(strings.Fields(string(b)), " ") != "0 0 4294967295"
})

// GroupsFixed reports whether setgroups(2) is denied here, as in a namespace that has
// one id: a process keeps the groups that its user has.
var GroupsFixed = sync.OnceValue(func() bool {
	b, err := os.ReadFile("/proc/self/setgroups")
	return err == nil && strings.TrimSpace(string(b)) == "deny"
})

// HasUser reports whether a user id has a place in this namespace.
func HasUser(id uint32) bool { return uids().has(id) }

// HasGroup is HasUser for groups.
func HasGroup(id uint32) bool { return gids().has(id) }

var (
	uids = sync.OnceValue(func() ranges { return readMap("/proc/self/uid_map") })
	gids = sync.OnceValue(func() ranges { return readMap("/proc/self/gid_map") })
)

type ranges [][2]uint64 // first and count

func (r ranges) has(id uint32) bool {
	for _, one := range r {
		if uint64(id) >= one[0] && uint64(id) < one[0]+one[1] {
			return true
		}
	}
	return false
}

// readMap reads a map of ids. A kernel without user namespaces has all.
func readMap(path string) ranges {
	b, err := os.ReadFile(path)
	if err != nil {
		return ranges{{0, 1 << 32}}
	}
	var r ranges
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		first, err := strconv.ParseUint(f[0], 10, 32)
		count, err2 := strconv.ParseUint(f[2], 10, 32)
		if err == nil && err2 == nil {
			r = append(r, [2]uint64{first, count})
		}
	}
	return r
}
