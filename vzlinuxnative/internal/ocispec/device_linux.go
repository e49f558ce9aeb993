package ocispec

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A device is a device node of the host.
type device struct {
	path         string
	kind         string // "c" or "b"
	major, minor int64
	mode         os.FileMode
	uid, gid     uint32
}

// defaultRules are the devices that every container may use: null, zero, full,
// random, urandom, tty, ptmx, pts; and nodes of all may be made, not opened.
var defaultRules = []specs.LinuxDeviceCgroup{
	{Access: "rwm"},
	rule("c", -1, -1, "m"), rule("b", -1, -1, "m"),
	rule("c", 1, 3, "rwm"), rule("c", 1, 5, "rwm"), rule("c", 1, 7, "rwm"), rule("c", 1, 8, "rwm"),
	rule("c", 1, 9, "rwm"), rule("c", 5, 0, "rwm"), rule("c", 5, 2, "rwm"), rule("c", 136, -1, "rwm"),
}

// rule allows access; -1 is any number.
func rule(kind string, major, minor int64, access string) specs.LinuxDeviceCgroup {
	r := specs.LinuxDeviceCgroup{Allow: true, Type: kind, Access: access}
	if major >= 0 {
		r.Major = &major
	}
	if minor >= 0 {
		r.Minor = &minor
	}
	return r
}

func (b *builder) devices() error {
	l := b.spec.Linux
	if b.privileged() {
		all, err := b.host.allDevices()
		if err != nil {
			return err
		}
		for _, d := range all {
			l.Devices = append(l.Devices, d.node(d.path))
		}
		l.Resources.Devices = []specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}}
	} else {
		l.Resources.Devices = append(l.Resources.Devices, defaultRules...)
	}
	for _, d := range b.cfg.Devices {
		if err := b.addDevice(d.HostPath, d.ContainerPath, d.Permissions); err != nil {
			return err
		}
	}
	if b.host.userns && len(b.cfg.DeviceRules) > 0 {
		return unsupported("device rule %q: there are none in a user namespace, where no nodes can be made: give the device itself with --device", b.cfg.DeviceRules[0])
	}
	for _, text := range b.cfg.DeviceRules {
		r, err := parseRule(text)
		if err != nil {
			return err
		}
		l.Resources.Devices = append(l.Resources.Devices, r)
	}
	return nil
}

// addDevice adds a node, or all nodes of a directory.
func (b *builder) addDevice(from, to, access string) error {
	if to == "" {
		to = from
	}
	if access == "" {
		access = "rwm"
	}
	if strings.Trim(access, "rwm") != "" {
		return invalid("device %s: permissions %q are not of r, w and m", from, access)
	}
	if !path.IsAbs(to) {
		return invalid("device %s: the path in the container, %q, is not absolute", from, to)
	}
	nodes, err := b.host.device(from)
	if err != nil {
		return invalid("device %s: %w", from, err)
	}
	l := b.spec.Linux
	for _, d := range nodes {
		target := path.Join(to, strings.TrimPrefix(d.path, filepath.Clean(from)))
		l.Devices = append(l.Devices, d.node(target))
		l.Resources.Devices = append(l.Resources.Devices, rule(d.kind, d.major, d.minor, access))
	}
	return nil
}

func (d device) node(target string) specs.LinuxDevice {
	return specs.LinuxDevice{
		Path: target, Type: d.kind, Major: d.major, Minor: d.minor,
		FileMode: &d.mode, UID: &d.uid, GID: &d.gid,
	}
}

var rulePattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$`)
})

// parseRule reads a rule such as "c 1:3 rwm".
func parseRule(text string) (specs.LinuxDeviceCgroup, error) {
	m := rulePattern().FindStringSubmatch(text)
	if m == nil {
		return specs.LinuxDeviceCgroup{}, invalid("device rule %q: give one such as \"c 1:3 rwm\"", text)
	}
	var numbers [2]int64
	for i, s := range m[2:4] {
		numbers[i] = -1
		if s == "*" {
			continue
		}
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil {
			return specs.LinuxDeviceCgroup{}, invalid("device rule %q: %w", text, err)
		}
		numbers[i] = n
	}
	return rule(m[1], numbers[0], numbers[1], m[4]), nil
}

// hostDevice returns the node at path, or all nodes of a directory.
func hostDevice(path string) ([]device, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, bare(err)
	}
	st, err := os.Stat(real)
	if err != nil {
		return nil, bare(err)
	}
	if !st.IsDir() {
		d, ok := nodeOf(path, st)
		if !ok {
			return nil, invalid("not a device")
		}
		return []device{d}, nil
	}
	found, err := nodesBelow(real)
	for i := range found {
		found[i].path = filepath.Join(path, strings.TrimPrefix(found[i].path, real))
	}
	if err == nil && len(found) == 0 {
		err = invalid("no devices in the directory")
	}
	return found, err
}

// hostDevices returns all of /dev that a privileged container gets.
func hostDevices() ([]device, error) { return nodesBelow("/dev") }

// nodesBelow walks a directory; pts, shm and such are file systems of the
// container's own.
func nodesBelow(dir string) ([]device, error) {
	skip := map[string]bool{"/dev/pts": true, "/dev/shm": true, "/dev/fd": true, "/dev/mqueue": true, "/dev/console": true, "/dev/.udev": true}
	var found []device
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // gone meanwhile
		case err != nil:
			return err
		case skip[path] && e.IsDir():
			return filepath.SkipDir
		case skip[path] || e.Type()&fs.ModeDevice == 0:
			return nil
		}
		st, err := e.Info()
		if err != nil {
			return nil // gone meanwhile
		}
		if d, ok := nodeOf(path, st); ok {
			found = append(found, d)
		}
		return nil
	})
	return found, err
}

func nodeOf(path string, st fs.FileInfo) (device, bool) {
	if st.Mode()&fs.ModeDevice == 0 {
		return device{}, false
	}
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return device{}, false
	}
	d := device{
		path: path, kind: "b", major: int64(unix.Major(s.Rdev)), minor: int64(unix.Minor(s.Rdev)),
		mode: st.Mode().Perm(), uid: s.Uid, gid: s.Gid,
	}
	if st.Mode()&fs.ModeCharDevice != 0 {
		d.kind = "c"
	}
	return d, true
}

// bare strips the path, which the message names already.
func bare(err error) error {
	if p, ok := err.(*fs.PathError); ok {
		return p.Err
	}
	return err
}
