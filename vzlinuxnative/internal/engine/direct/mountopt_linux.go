package direct

import (
	"strings"

	"golang.org/x/sys/unix"
)

// mountOptions are a spec's mount options, sorted by who takes them.
type mountOptions struct {
	set, clear  uint64 // MOUNT_ATTR_*
	recursive   bool   // set and clear are for the whole tree
	bind        bool
	rbind       bool
	propagation uint64      // MS_PRIVATE, …; 0 is unsaid
	wholeTree   bool        // propagation is for the whole tree
	data        [][2]string // for the file system; an empty value is a flag
}

var attrOptions = map[string]struct {
	attr uint64
	off  bool
}{
	"ro": {unix.MOUNT_ATTR_RDONLY, false}, "rw": {unix.MOUNT_ATTR_RDONLY, true},
	"nosuid": {unix.MOUNT_ATTR_NOSUID, false}, "suid": {unix.MOUNT_ATTR_NOSUID, true},
	"nodev": {unix.MOUNT_ATTR_NODEV, false}, "dev": {unix.MOUNT_ATTR_NODEV, true},
	"noexec": {unix.MOUNT_ATTR_NOEXEC, false}, "exec": {unix.MOUNT_ATTR_NOEXEC, true},
	"nodiratime": {unix.MOUNT_ATTR_NODIRATIME, false}, "diratime": {unix.MOUNT_ATTR_NODIRATIME, true},
	"nosymfollow": {unix.MOUNT_ATTR_NOSYMFOLLOW, false}, "symfollow": {unix.MOUNT_ATTR_NOSYMFOLLOW, true},
	"noatime":     {unix.MOUNT_ATTR_NOATIME, false},
	"strictatime": {unix.MOUNT_ATTR_STRICTATIME, false},
}

var propagationOptions = map[string]uint64{
	"private": unix.MS_PRIVATE, "shared": unix.MS_SHARED,
	"slave": unix.MS_SLAVE, "unbindable": unix.MS_UNBINDABLE,
}

func parseMountOptions(opts []string) mountOptions {
	var m mountOptions
	for _, o := range opts {
		name := o
		if _, plain := attrOptions[o]; !plain {
			if _, all := attrOptions[strings.TrimPrefix(o, "r")]; all {
				name, m.recursive = o[1:], true
			}
		}
		switch a, isAttr := attrOptions[name]; {
		case isAttr && a.off:
			m.clear, m.set = m.clear|a.attr, m.set&^a.attr
		case isAttr:
			m.set, m.clear = m.set|a.attr, m.clear&^a.attr
		case o == "bind":
			m.bind = true
		case o == "rbind":
			m.bind, m.rbind = true, true
		case o == "relatime", o == "norelatime", o == "defaults", o == "async", o == "atime":
		case propagationOptions[o] != 0:
			m.propagation = propagationOptions[o]
		case propagationOptions[strings.TrimPrefix(o, "r")] != 0:
			m.propagation, m.wholeTree = propagationOptions[o[1:]], true
		default:
			k, v, _ := strings.Cut(o, "=")
			m.data = append(m.data, [2]string{k, v})
		}
	}
	return m
}
