package files

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcli/internal/box/applet"
)

// ls lists: -l long, -n with numbers for owners, -a hidden ones too, -A but not
// . and .., -d directories themselves, -1 one a line, -R below too, -i inodes.
func ls(std *applet.IO, args []string) int {
	opts, names, err := applet.Options("lnaAd1RihF", args)
	if err != nil {
		return std.Fail(err)
	}
	l := &lister{std: std, opts: opts}
	if len(names) == 0 {
		names = []string{"."}
	}
	var plain, dirs []string
	for _, name := range names {
		stat := os.Stat
		if l.on('l') || l.on('d') {
			stat = os.Lstat
		}
		st, err := stat(name)
		if err != nil {
			if st, err = os.Lstat(name); err != nil {
				l.status = std.Fail(err)
				continue
			}
		}
		if st.IsDir() && !l.on('d') {
			dirs = append(dirs, name)
		} else {
			plain = append(plain, name)
		}
	}
	l.print("", plain)
	for i, d := range dirs {
		if len(names) > 1 || l.on('R') {
			if i > 0 || len(plain) > 0 {
				fmt.Fprintln(std.Out)
			}
			fmt.Fprintf(std.Out, "%s:\n", d)
		}
		l.dir(d)
	}
	return l.status
}

type lister struct {
	std    *applet.IO
	opts   map[byte]string
	status int
}

func (l *lister) on(c byte) bool {
	_, ok := l.opts[c]
	return ok || c == 'l' && l.on('n')
}

func (l *lister) dir(path string) {
	entries, err := os.ReadDir(path)
	if err != nil {
		l.status = l.std.Fail(err)
	}
	var names []string
	if l.on('a') {
		names = []string{".", ".."}
	}
	for _, e := range entries {
		if l.on('a') || l.on('A') || !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	l.print(path, names)
	if !l.on('R') {
		return
	}
	for _, e := range entries {
		if e.IsDir() && slices.Contains(names, e.Name()) {
			below := filepath.Join(path, e.Name())
			fmt.Fprintf(l.std.Out, "\n%s:\n", below)
			l.dir(below)
		}
	}
}

func (l *lister) print(dir string, names []string) {
	var rows [][]string
	for _, name := range names {
		path := name
		if dir != "" {
			path = dir + "/" + name
		}
		if !l.on('l') && !l.on('i') {
			fmt.Fprintln(l.std.Out, name)
			continue
		}
		st, err := os.Lstat(path)
		if err != nil {
			l.status = l.std.Fail(err)
			continue
		}
		rows = append(rows, l.row(path, name, st))
	}
	printTable(l.std, rows)
}

func (l *lister) row(path, name string, st fs.FileInfo) []string {
	sys := st.Sys().(*syscall.Stat_t)
	var row []string
	if l.on('i') {
		row = append(row, strconv.FormatUint(sys.Ino, 10))
	}
	if !l.on('l') {
		return append(row, name)
	}
	owner, group := strconv.Itoa(int(sys.Uid)), strconv.Itoa(int(sys.Gid))
	if !l.on('n') {
		if u, err := user.LookupId(owner); err == nil {
			owner = u.Username
		}
		if g, err := user.LookupGroupId(group); err == nil {
			group = g.Name
		}
	}
	size := strconv.FormatInt(st.Size(), 10)
	if l.on('h') {
		size = human(st.Size())
	}
	if st.Mode()&fs.ModeDevice != 0 {
		size = fmt.Sprintf("%d, %d", unix.Major(sys.Rdev), unix.Minor(sys.Rdev))
	}
	when := st.ModTime().Format("Jan _2 15:04")
	if time.Since(st.ModTime()).Abs() > 180*24*time.Hour {
		when = st.ModTime().Format("Jan _2  2006")
	}
	if target, err := os.Readlink(path); err == nil {
		name += " -> " + target
	}
	return append(row, modeText(sys.Mode), fmt.Sprint(sys.Nlink), owner, group, size, when, name)
}

// modeText is a mode as in "drwxr-sr-t".
func modeText(mode uint32) string {
	kinds := map[uint32]byte{unix.S_IFDIR: 'd', unix.S_IFLNK: 'l', unix.S_IFCHR: 'c', unix.S_IFBLK: 'b', unix.S_IFIFO: 'p', unix.S_IFSOCK: 's', unix.S_IFREG: '-'}
	text := []byte("?rwxrwxrwx")
	text[0] = kinds[mode&unix.S_IFMT]
	for i := range 9 {
		if mode&(1<<(8-i)) == 0 {
			text[i+1] = '-'
		}
	}
	for _, special := range []struct {
		bit uint32
		at  int
		c   byte
	}{{unix.S_ISUID, 3, 's'}, {unix.S_ISGID, 6, 's'}, {unix.S_ISVTX, 9, 't'}} {
		if mode&special.bit == 0 {
			continue
		}
		if text[special.at] == '-' {
			special.c -= 'a' - 'A'
		}
		text[special.at] = special.c
	}
	return string(text)
}

// printTable prints rows with columns that line up, numbers to the right.
func printTable(std *applet.IO, rows [][]string) {
	width := map[int]int{}
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], len(cell))
		}
	}
	for _, row := range rows {
		for i, cell := range row {
			switch {
			case i == len(row)-1:
				fmt.Fprintln(std.Out, cell)
			case cell != "" && cell[0] >= '0' && cell[0] <= '9':
				fmt.Fprintf(std.Out, "%*s ", width[i], cell)
			default:
				fmt.Fprintf(std.Out, "%-*s ", width[i], cell)
			}
		}
	}
}

// human is a size as in "1.5K".
func human(n int64) string {
	units := "BKMGTP"
	f := float64(n)
	at := 0
	for f >= 1024 && at < len(units)-1 {
		f /= 1024
		at++
	}
	if at == 0 {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprintf("%.1f%c", f, units[at])
}
