package unpack

import (
	"archive/tar"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// meta is what an entry has besides its contents.
type meta struct {
	uid, gid int
	mode     uint32 // permissions, setuid, setgid, sticky; for devices the type
	link     bool   // a symbolic link, which has no mode
	times    [2]unix.Timespec
	xattrs   []xattr
}

// defaultMeta is that of parents that no layer mentions. Their time is fixed,
// so that the same archive makes the same tree.
var defaultMeta = meta{mode: 0o755}

const permissions = 0o7777

// metaOf checks the numbers of a header.
func (a *applier) metaOf(h *tar.Header) (meta, error) {
	if h.Uid < 0 || h.Uid > maxID || h.Gid < 0 || h.Gid > maxID {
		return meta{}, invalid("no owner can be %d:%d", h.Uid, h.Gid)
	}
	m := meta{uid: h.Uid, gid: h.Gid, mode: uint32(h.Mode) & permissions, link: h.Typeflag == tar.TypeSymlink}
	modified := timespec(h.ModTime)
	m.times = [2]unix.Timespec{modified, modified}
	if !h.AccessTime.IsZero() {
		m.times[0] = timespec(h.AccessTime)
	}
	for key, value := range h.PAXRecords {
		name, ok := strings.CutPrefix(key, "SCHILY.xattr.")
		switch {
		case !ok:
		case strings.HasPrefix(name, "trusted.overlay."), strings.HasPrefix(name, "user.overlay."):
			a.leaveOut("attribute %s of %s: it would steer overlayfs", quote(name), quote(h.Name))
		case name == "security.selinux":
			a.leaveOut("attribute %s of %s: labels are the host's", quote(name), quote(h.Name))
		default:
			m.xattrs = append(m.xattrs, xattr{name, value})
		}
	}
	slices.SortFunc(m.xattrs, func(x, y xattr) int { return strings.Compare(x.name, y.name) })
	return m, nil
}

func timespec(t time.Time) unix.Timespec {
	return unix.Timespec{Sec: t.Unix(), Nsec: int64(t.Nanosecond())}
}

func metaOfStat(st *unix.Stat_t) meta {
	return meta{
		uid: int(st.Uid), gid: int(st.Gid), mode: st.Mode & permissions, link: st.Mode&unix.S_IFMT == unix.S_IFLNK,
		times: [2]unix.Timespec{st.Atim, st.Mtim},
	}
}

// set gives an open file its meta. The order matters: changing the owner
// clears setuid bits and capabilities, some modes forbid setting attributes,
// and all of it changes times.
func (a *applier) set(fd int, m meta) error {
	if a.chowns(m) {
		if err := unix.Fchown(fd, m.uid, m.gid); err != nil {
			return ownerError(m, err)
		}
	}
	for _, x := range m.xattrs {
		if err := a.keepXattr(x, unix.Fsetxattr(fd, x.name, []byte(x.value), 0)); err != nil {
			return err
		}
	}
	if err := unix.Fchmod(fd, m.mode&permissions); err != nil {
		return fmt.Errorf("set mode: %w", err)
	}
	if err := unix.UtimesNanoAt(fd, "", m.times[:], unix.AT_EMPTY_PATH); err != nil {
		return fmt.Errorf("set times: %w", err)
	}
	return nil
}

// setAt does the same for what cannot be opened: a link, a device, a fifo.
func (a *applier) setAt(dir int, name string, m meta) error {
	if a.chowns(m) {
		if err := unix.Fchownat(dir, name, m.uid, m.gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return ownerError(m, err)
		}
	}
	for _, x := range m.xattrs {
		path := fmt.Sprintf("/proc/self/fd/%d/%s", dir, name)
		if err := a.keepXattr(x, unix.Lsetxattr(path, x.name, []byte(x.value), 0)); err != nil {
			return err
		}
	}
	if !m.link {
		if err := unix.Fchmodat(dir, name, m.mode&permissions, 0); err != nil {
			return fmt.Errorf("set mode: %w", err)
		}
	}
	if err := unix.UtimesNanoAt(dir, name, m.times[:], unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("set times: %w", err)
	}
	return nil
}

// chowns reports whether m needs, and the caller can give it, another owner.
func (a *applier) chowns(m meta) bool {
	return a.uid == 0 && (m.uid != 0 || m.gid != a.gid) && !oneID()
}

// oneID reports whether this user namespace has one id: then all belongs to that.
var oneID = sync.OnceValue(func() bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	f := strings.Fields(string(b))
	return err == nil && len(f) == 3 && f[2] == "1"
})

func ownerError(m meta, err error) error {
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("set owner %d:%d: this user namespace has no such id; give your user more in /etc/subuid and /etc/subgid: %w", m.uid, m.gid, err)
	}
	return fmt.Errorf("set owner %d:%d: %w", m.uid, m.gid, err)
}
