package rootview

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/inroot"
)

// maxTargets is how many bytes the targets of a directory's links may have in all: a
// container may have made as many as it liked.
const maxTargets = 16 << 20

// List describes what is in the directory dir, sorted by name. A link at its end is
// followed.
func List(ctx context.Context, root *os.File, dir string) ([]vzcontract.PathStat, error) {
	f, err := inroot.Dir(int(root.Fd()), dir)
	if err != nil {
		return nil, classify(dir, err)
	}
	defer f.Close()
	names, err := f.Readdirnames(vzcontract.MaxDirEntries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, classify(dir, err)
	}
	tooBig := len(names) > vzcontract.MaxDirEntries
	slices.Sort(names)
	list := make([]vzcontract.PathStat, 0, len(names))
	for targets := 0; len(names) > 0 && !tooBig; names = names[1:] {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		stat, err := statAt(int(f.Fd()), names[0])
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // it has just gone
		}
		if err != nil {
			return nil, classify(strings.TrimRight(dir, "/")+"/"+names[0], err)
		}
		list = append(list, stat)
		targets += len(stat.LinkTarget)
		tooBig = targets > maxTargets
	}
	if tooBig {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "%s: more than %d entries, or links too long: copy it out",
			vzcontract.ShownPath(dir), vzcontract.MaxDirEntries)
	}
	return list, nil
}

// statAt describes the entry called name of a directory that is open.
func statAt(dir int, name string) (vzcontract.PathStat, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT); err != nil {
		return vzcontract.PathStat{}, err
	}
	stat := vzcontract.PathStat{Name: name, Size: st.Size, Mode: uint32(fileMode(st.Mode)), ModTime: time.Unix(st.Mtim.Unix())}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		buf := make([]byte, unix.PathMax)
		if n, err := unix.Readlinkat(dir, name, buf); err == nil {
			stat.LinkTarget = string(buf[:n])
		} // else it is of /proc, or has just been replaced
	}
	return stat, nil
}
