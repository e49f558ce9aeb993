package text

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"vz.internal/vzcli/internal/box/applet"
)

// grep prints lines that match: -v that do not, -i any case, -q nothing, -c how
// many, -n with numbers, -l names of files, -F a fixed text, -x whole lines,
// -o only what matches, -h -H without and with names; -e PATTERN.
func grep(std *applet.IO, args []string) int {
	opts, rest, err := applet.Options("viqcnlFEGxohHe:s", args)
	if err != nil {
		std.Fail(err)
		return 2
	}
	pattern, given := opts['e']
	if !given {
		if len(rest) == 0 {
			return std.Usage("[-vicnlqFxoH] PATTERN [FILE...]")
		}
		pattern, rest = rest[0], rest[1:]
	}
	has := func(c byte) bool { _, ok := opts[c]; return ok }
	re, err := compile(pattern, has)
	if err != nil {
		std.Fail(err)
		return 2
	}
	found := false
	failed := each(std, rest, func(name string, r io.Reader) error {
		number, count := 0, 0
		prefix := ""
		if len(rest) > 1 && !has('h') || has('H') {
			prefix = name + ":"
		}
		err := lines(r, func(line []byte) error {
			number++
			line = bytes.TrimSuffix(line, []byte("\n"))
			if re.Match(line) == has('v') {
				return nil
			}
			found = true
			count++
			switch {
			case has('q'), has('l'):
				return errEnough
			case has('c'):
				return nil
			}
			at := prefix
			if has('n') {
				at += strconv.Itoa(number) + ":"
			}
			if has('o') && !has('v') {
				for _, m := range re.FindAll(line, -1) {
					fmt.Fprintf(std.Out, "%s%s\n", at, m)
				}
				return nil
			}
			_, err := fmt.Fprintf(std.Out, "%s%s\n", at, line)
			return err
		})
		if err == errEnough { //nolint:errorlint // our own
			err = nil
		}
		switch {
		case has('l') && count > 0:
			fmt.Fprintln(std.Out, name)
		case has('c'):
			fmt.Fprintf(std.Out, "%s%d\n", prefix, count)
		}
		return err
	})
	switch {
	case failed != 0 && !(found && has('q')):
		return 2
	case found:
		return 0
	}
	return 1
}

func compile(pattern string, has func(byte) bool) (*regexp.Regexp, error) {
	alternatives := strings.Split(pattern, "\n")
	for i, p := range alternatives {
		switch {
		case has('F'):
			p = regexp.QuoteMeta(p)
		case !has('E'):
			p = basic(p)
		}
		alternatives[i] = p
	}
	pattern = "(?:" + strings.Join(alternatives, "|") + ")"
	if has('x') {
		pattern = "^" + pattern + "$"
	}
	if has('i') {
		pattern = "(?i)" + pattern
	}
	re, err := regexp.CompilePOSIX(pattern)
	if has('i') || err != nil {
		re, err = regexp.Compile(pattern)
	}
	if err != nil {
		return nil, fmt.Errorf("pattern: %w", err)
	}
	return re, nil
}

// basic turns a basic regular expression, where \( and \+ are special, into an
// extended one.
func basic(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case c == '\\' && i+1 < len(p):
			i++
			if !strings.ContainsRune("(){}+?|", rune(p[i])) {
				b.WriteByte('\\')
			}
			b.WriteByte(p[i])
		case c == '[':
			end := i + 1
			if end < len(p) && p[end] == '^' {
				end++
			}
			if end < len(p) && p[end] == ']' {
				end++
			}
			for end < len(p) && p[end] != ']' {
				end++
			}
			b.WriteString(p[i:min(end+1, len(p))])
			i = end
		case strings.ContainsRune("(){}+?|", rune(c)), c == '*' && i == 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// sortLines is sort: -n by number, -r backwards, -u without repeats, -k FIELD,
// -t SEPARATOR.
func sortLines(std *applet.IO, args []string) int {
	opts, names, err := applet.Options("nruk:t:", args)
	if err != nil {
		return std.Fail(err)
	}
	has := func(c byte) bool { _, ok := opts[c]; return ok }
	var all []string
	status := each(std, names, func(_ string, r io.Reader) error {
		return lines(r, func(line []byte) error {
			all = append(all, strings.TrimSuffix(string(line), "\n"))
			return nil
		})
	})
	key := func(s string) string { return s }
	if has('k') {
		first, _, _ := strings.Cut(opts['k'], ",")
		n, err := strconv.Atoi(strings.TrimRight(first, "nr"))
		if err != nil || n < 1 {
			return std.Fail(fmt.Errorf("%s: no field", opts['k']))
		}
		key = func(s string) string {
			f := strings.Fields(s)
			if has('t') {
				f = strings.Split(s, opts['t'])
			}
			if n > len(f) {
				return ""
			}
			return f[n-1]
		}
	}
	compare := func(a, b string) int {
		c := 0
		if has('n') || strings.Contains(opts['k'], "n") {
			c = cmp.Compare(number(key(a)), number(key(b)))
		} else {
			c = strings.Compare(key(a), key(b))
		}
		if c == 0 && !has('u') {
			c = strings.Compare(a, b)
		}
		if has('r') {
			c = -c
		}
		return c
	}
	slices.SortStableFunc(all, compare)
	if has('u') {
		all = slices.CompactFunc(all, func(a, b string) bool { return compare(a, b) == 0 })
	}
	for _, line := range all {
		fmt.Fprintln(std.Out, line)
	}
	return status
}

// number is the number that s starts with, or 0.
func number(s string) float64 {
	s = strings.TrimLeft(s, " \t")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '.' || end == 0 && s[end] == '-') {
		end++
	}
	n, err := strconv.ParseFloat(s[:end], 64)
	if err != nil {
		return 0
	}
	return n
}

// uniq drops repeated lines: -c counts them, -d only repeated ones, -u only
// others.
func uniq(std *applet.IO, args []string) int {
	opts, names, err := applet.Options("cdu", args)
	if err != nil {
		return std.Fail(err)
	}
	has := func(c byte) bool { _, ok := opts[c]; return ok }
	last, count := "", 0
	emit := func() {
		switch {
		case count == 0, has('d') && count == 1, has('u') && count > 1:
		case has('c'):
			fmt.Fprintf(std.Out, "%7d %s\n", count, last)
		default:
			fmt.Fprintln(std.Out, last)
		}
	}
	status := each(std, names, func(_ string, r io.Reader) error {
		return lines(r, func(line []byte) error {
			s := strings.TrimSuffix(string(line), "\n")
			if count == 0 || s != last {
				emit()
				last, count = s, 0
			}
			count++
			return nil
		})
	})
	emit()
	return status
}

// sha256sum prints digests, or with -c checks a list of them.
func sha256sum(std *applet.IO, args []string) int {
	opts, names, err := applet.Options("cbs", args)
	if err != nil {
		return std.Fail(err)
	}
	sum := func(r io.Reader) (string, error) {
		h := sha256.New()
		_, err := io.Copy(h, r)
		return fmt.Sprintf("%x", h.Sum(nil)), err
	}
	if _, check := opts['c']; !check {
		return each(std, names, func(name string, r io.Reader) error {
			got, err := sum(r)
			if err == nil {
				fmt.Fprintf(std.Out, "%s  %s\n", got, name)
			}
			return err
		})
	}
	bad := 0
	status := each(std, names, func(_ string, r io.Reader) error {
		return lines(r, func(line []byte) error {
			want, name, ok := strings.Cut(strings.TrimSuffix(string(line), "\n"), " ")
			if !ok || len(name) < 2 {
				return fmt.Errorf("%q is no line of digests", line)
			}
			name = name[1:]
			err := open(std, name, func(_ string, r io.Reader) error {
				got, err := sum(r)
				if err == nil && got != want {
					err = fmt.Errorf("%s: other contents", name)
				}
				return err
			})
			if err != nil {
				bad++
				fmt.Fprintf(std.Out, "%s: FAILED\n", name)
				return nil
			}
			fmt.Fprintf(std.Out, "%s: OK\n", name)
			return nil
		})
	})
	if bad > 0 {
		return std.Fail(fmt.Errorf("%d files are not what they should be", bad))
	}
	return status
}
