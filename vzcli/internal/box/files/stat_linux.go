package files

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcli/internal/box/applet"
)

// stat tells about files: -c with a format of %n %s %a %u %g %U %G %h %i %F %Y
// %A %b %t %T, -L follows links.
func stat(std *applet.IO, args []string) int {
	opts, names, err := applet.Options("c:L", args)
	if err != nil {
		return std.Fail(err)
	}
	format, given := opts['c']
	if !given {
		format = "  File: %n\n  Size: %s  Blocks: %b  %F\n Inode: %i  Links: %h\nAccess: (%a/%A)  Uid: (%u/%U)  Gid: (%g/%G)\nModify: %y"
	}
	status := 0
	for _, name := range names {
		var st unix.Stat_t
		call := unix.Lstat
		if _, follow := opts['L']; follow {
			call = unix.Stat
		}
		if err := call(name, &st); err != nil {
			status = std.Fail(&fs.PathError{Op: "stat", Path: name, Err: err})
			continue
		}
		fmt.Fprintln(std.Out, expand(format, name, &st))
	}
	return status
}

func expand(format, name string, st *unix.Stat_t) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		b.WriteString(field(format[i], name, st))
	}
	return b.String()
}

func field(c byte, name string, st *unix.Stat_t) string {
	modified := time.Unix(st.Mtim.Unix())
	switch c {
	case 'n':
		return name
	case 's':
		return strconv.FormatInt(st.Size, 10)
	case 'b':
		return strconv.FormatInt(st.Blocks, 10)
	case 'a':
		return strconv.FormatUint(uint64(st.Mode&0o7777), 8)
	case 'A':
		return modeText(st.Mode)
	case 'u':
		return strconv.Itoa(int(st.Uid))
	case 'g':
		return strconv.Itoa(int(st.Gid))
	case 'U':
		if u, err := user.LookupId(strconv.Itoa(int(st.Uid))); err == nil {
			return u.Username
		}
		return "UNKNOWN"
	case 'G':
		if g, err := user.LookupGroupId(strconv.Itoa(int(st.Gid))); err == nil {
			return g.Name
		}
		return "UNKNOWN"
	case 'h':
		return strconv.FormatUint(uint64(st.Nlink), 10)
	case 'i':
		return strconv.FormatUint(st.Ino, 10)
	case 'F':
		return map[uint32]string{
			unix.S_IFDIR: "directory", unix.S_IFLNK: "symbolic link", unix.S_IFREG: "regular file",
			unix.S_IFCHR: "character special file", unix.S_IFBLK: "block special file", unix.S_IFIFO: "fifo", unix.S_IFSOCK: "socket",
		}[st.Mode&unix.S_IFMT]
	case 'Y':
		return strconv.FormatInt(modified.Unix(), 10)
	case 'y':
		return modified.Format("2006-01-02 15:04:05.000000000 -0700")
	case 't':
		return strconv.FormatUint(uint64(unix.Major(uint64(st.Rdev))), 16)
	case 'T':
		return strconv.FormatUint(uint64(unix.Minor(uint64(st.Rdev))), 16)
	case '%':
		return "%"
	}
	return "?"
}

// df tells how full file systems are, in KiB or with -h in larger units.
func df(std *applet.IO, args []string) int {
	opts, names, err := applet.Options("hk", args)
	if err != nil {
		return std.Fail(err)
	}
	if len(names) == 0 {
		names = []string{"/"}
	}
	show := func(n int64) string { return strconv.FormatInt(n/1024, 10) }
	if _, ok := opts['h']; ok {
		show = human
	}
	rows := [][]string{{"Size", "Used", "Available", "Use%", "Path"}}
	status := 0
	for _, name := range names {
		var st unix.Statfs_t
		if err := unix.Statfs(name, &st); err != nil {
			status = std.Fail(&fs.PathError{Op: "statfs", Path: name, Err: err})
			continue
		}
		size := int64(st.Blocks) * st.Bsize
		used := size - int64(st.Bfree)*st.Bsize
		free := int64(st.Bavail) * st.Bsize
		percent := int64(0)
		if used+free > 0 {
			percent = (used*100 + used + free - 1) / (used + free)
		}
		rows = append(rows, []string{show(size), show(used), show(free), strconv.FormatInt(percent, 10) + "%", name})
	}
	printTable(std, rows)
	return status
}

// du adds up what files take on disk: -s only the sums, -h in larger units.
func du(std *applet.IO, args []string) int {
	opts, names, err := applet.Options("shk", args)
	if err != nil {
		return std.Fail(err)
	}
	if len(names) == 0 {
		names = []string{"."}
	}
	status := 0
	_, sumOnly := opts['s']
	_, large := opts['h']
	print := func(n int64, path string) {
		size := strconv.FormatInt(n/1024, 10)
		if large {
			size = human(n)
		}
		fmt.Fprintf(std.Out, "%s\t%s\n", size, path)
	}
	var walk func(path string, top bool) int64
	walk = func(path string, top bool) int64 {
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			status = std.Fail(&fs.PathError{Op: "stat", Path: path, Err: err})
			return 0
		}
		total := st.Blocks * 512
		isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
		if isDir {
			entries, err := os.ReadDir(path)
			if err != nil {
				status = std.Fail(err)
			}
			for _, e := range entries {
				total += walk(filepath.Join(path, e.Name()), false)
			}
		}
		if top || isDir && !sumOnly {
			print(total, path)
		}
		return total
	}
	for _, name := range names {
		walk(name, true)
	}
	return status
}
