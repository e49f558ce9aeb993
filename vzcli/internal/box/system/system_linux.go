package system

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcli/internal/box/applet"
)

// Programs returns them by name.
func Programs() map[string]applet.Program {
	return map[string]applet.Program{
		"date":     date,
		"env":      env,
		"false":    func(*applet.IO, []string) int { return 1 },
		"hostname": hostname,
		"id":       id,
		"ip":       ip,
		"mount":    mount,
		"nproc":    nproc,
		"printenv": printenv,
		"ps":       ps,
		"pwd":      pwd,
		"sleep":    sleep,
		"stty":     stty,
		"sync":     func(*applet.IO, []string) int { unix.Sync(); return 0 },
		"timeout":  timeout,
		"true":     func(*applet.IO, []string) int { return 0 },
		"tty":      tty,
		"umount":   umount,
		"uname":    uname,
		"which":    which,
		"whoami":   whoami,
	}
}

// sleep waits for the sum of its arguments: seconds, or with s, m, h, d.
func sleep(std *applet.IO, args []string) int {
	if len(args) == 0 {
		return std.Usage("SECONDS | NUMBER[smhd]...")
	}
	total := time.Duration(0)
	for _, a := range args {
		d, err := duration(a)
		if err != nil {
			return std.Fail(err)
		}
		total += d
	}
	// A plain system call: it takes fewer threads than the runtime's timers.
	end := time.Now().Add(total)
	for left := total; left > 0; left = time.Until(end) {
		ts := unix.NsecToTimespec(int64(left))
		_ = unix.Nanosleep(&ts, nil) // a signal only makes another round
	}
	return 0
}

func duration(text string) (time.Duration, error) {
	unit := time.Second
	number := text
	if len(text) > 0 {
		if u, ok := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[text[len(text)-1]]; ok {
			unit, number = u, text[:len(text)-1]
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || n < 0 || n > 1e9 {
		return 0, fmt.Errorf("%s: no time", text)
	}
	return time.Duration(n * float64(unit)), nil
}

// pwd prints where it is: -P without symbolic links.
func pwd(std *applet.IO, args []string) int {
	dir, err := os.Getwd()
	if len(args) > 0 && args[0] == "-P" || err != nil {
		buf := make([]byte, unix.PathMax)
		n, err := unix.Getcwd(buf)
		if err != nil {
			return std.Fail(err)
		}
		dir = string(buf[:n-1])
	}
	fmt.Fprintln(std.Out, dir)
	return 0
}

func nproc(std *applet.IO, _ []string) int {
	fmt.Fprintln(std.Out, runtime.NumCPU())
	return 0
}

// hostname prints the name, or sets it.
func hostname(std *applet.IO, args []string) int {
	if len(args) > 0 && args[0][0] != '-' {
		if err := unix.Sethostname([]byte(args[0])); err != nil {
			return std.Fail(err)
		}
		return 0
	}
	name, err := os.Hostname()
	if err != nil {
		return std.Fail(err)
	}
	fmt.Fprintln(std.Out, name)
	return 0
}

// uname: -s -n -r -v -m, -a all.
func uname(std *applet.IO, args []string) int {
	opts, _, err := applet.Options("asnrvmo", args)
	if err != nil {
		return std.Fail(err)
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return std.Fail(err)
	}
	var parts []string
	_, all := opts['a']
	for _, p := range []struct {
		c    byte
		text string
	}{
		{'s', unix.ByteSliceToString(u.Sysname[:])},
		{'n', unix.ByteSliceToString(u.Nodename[:])},
		{'r', unix.ByteSliceToString(u.Release[:])},
		{'v', unix.ByteSliceToString(u.Version[:])},
		{'m', unix.ByteSliceToString(u.Machine[:])},
	} {
		if _, ok := opts[p.c]; ok || all || len(opts) == 0 && p.c == 's' {
			parts = append(parts, p.text)
		}
	}
	fmt.Fprintln(std.Out, strings.Join(parts, " "))
	return 0
}

// date prints the time: -u in UTC, -d @SECONDS another one, -r FILE a file's,
// +FORMAT.
func date(std *applet.IO, args []string) int {
	opts, rest, err := applet.Options("ud:r:I", args)
	if err != nil {
		return std.Fail(err)
	}
	now := time.Now()
	if text, ok := opts['d']; ok {
		if now, err = parseTime(text); err != nil {
			return std.Fail(err)
		}
	}
	if name, ok := opts['r']; ok {
		st, err := os.Stat(name)
		if err != nil {
			return std.Fail(err)
		}
		now = st.ModTime()
	}
	if _, ok := opts['u']; ok {
		now = now.UTC()
	}
	format := "%a %b %e %H:%M:%S %Z %Y"
	if _, ok := opts['I']; ok {
		format = "%Y-%m-%d"
	}
	if len(rest) > 0 {
		var ok bool
		if format, ok = strings.CutPrefix(rest[0], "+"); !ok {
			return std.Usage("[-u] [-d @SECONDS] [-r FILE] [+FORMAT]")
		}
	}
	fmt.Fprintln(std.Out, strftime(now, format))
	return 0
}

func parseTime(text string) (time.Time, error) {
	if s, ok := strings.CutPrefix(text, "@"); ok {
		n, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(n, 0), err
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s: no time", text)
}

var layouts = map[byte]string{
	'Y': "2006", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'y': "06", 'j': "002", 'p': "PM",
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'Z': "MST", 'z': "-0700", 'T': "15:04:05", 'F': "2006-01-02", 'N': "000000000",
	'D': "01/02/06", 'R': "15:04", 'c': "Mon Jan _2 15:04:05 2006",
}

func strftime(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		switch c := format[i]; c {
		case '%':
			b.WriteByte('%')
		case 'n':
			b.WriteByte('\n')
		case 's':
			fmt.Fprint(&b, t.Unix())
		case 'u':
			fmt.Fprint(&b, (int(t.Weekday())+6)%7+1)
		case 'w':
			fmt.Fprint(&b, int(t.Weekday()))
		case 'N':
			fmt.Fprintf(&b, "%09d", t.Nanosecond())
		default:
			if layout, ok := layouts[c]; ok {
				b.WriteString(t.Format(layout))
			} else {
				b.WriteString("%" + string(c))
			}
		}
	}
	return b.String()
}
