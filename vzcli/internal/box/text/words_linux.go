package text

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"vz.internal/vzcli/internal/box/applet"
)

func basename(std *applet.IO, args []string) int {
	if len(args) == 0 {
		return std.Usage("PATH [SUFFIX]")
	}
	base := path.Base(args[0])
	if len(args) > 1 && base != args[1] {
		base = strings.TrimSuffix(base, args[1])
	}
	fmt.Fprintln(std.Out, base)
	return 0
}

func dirname(std *applet.IO, args []string) int {
	if len(args) == 0 {
		return std.Usage("PATH...")
	}
	for _, a := range args {
		fmt.Fprintln(std.Out, path.Dir(strings.TrimRight(a, "/")+strings.Repeat("/", btoi(strings.Trim(a, "/") == ""))))
	}
	return 0
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// seq counts: [-s SEPARATOR] [FIRST [STEP]] LAST.
func seq(std *applet.IO, args []string) int {
	separator := "\n"
	if len(args) > 1 && args[0] == "-s" {
		separator, args = args[1], args[2:]
	}
	if len(args) == 0 || len(args) > 3 {
		return std.Usage("[-s SEPARATOR] [FIRST [STEP]] LAST")
	}
	n := make([]int64, len(args))
	for i, a := range args {
		var err error
		if n[i], err = strconv.ParseInt(a, 10, 64); err != nil {
			return std.Fail(fmt.Errorf("%s: no whole number", a))
		}
	}
	first, step, last := int64(1), int64(1), n[len(n)-1]
	if len(n) > 1 {
		first = n[0]
	}
	if len(n) > 2 {
		step = n[1]
	}
	if step == 0 {
		return std.Fail(errors.New("a step of 0 never ends"))
	}
	any := false
	for i := first; step > 0 && i <= last || step < 0 && i >= last; i += step {
		if any {
			fmt.Fprint(std.Out, separator)
		}
		any = true
		if _, err := fmt.Fprint(std.Out, i); err != nil {
			return std.Fail(err)
		}
	}
	if any {
		fmt.Fprintln(std.Out)
	}
	return 0
}

// wc counts: -l lines, -w words, -c bytes.
func wc(std *applet.IO, args []string) int {
	opts, names, err := applet.Options("lwc", args)
	if err != nil {
		return std.Fail(err)
	}
	which := []byte("lwc")
	if len(opts) > 0 {
		which = bytes.Map(func(r rune) rune {
			if _, ok := opts[byte(r)]; !ok {
				return -1
			}
			return r
		}, which)
	}
	total := map[byte]int64{}
	show := func(count map[byte]int64, name string) {
		var cells []string
		for _, c := range which {
			cells = append(cells, strconv.FormatInt(count[c], 10))
		}
		if name != "" && len(names) > 0 {
			cells = append(cells, name)
		}
		fmt.Fprintln(std.Out, strings.Join(cells, " "))
	}
	status := each(std, names, func(name string, r io.Reader) error {
		count := map[byte]int64{}
		err := lines(r, func(line []byte) error {
			count['l'] += int64(btoi(bytes.HasSuffix(line, []byte("\n"))))
			count['w'] += int64(len(bytes.Fields(line)))
			count['c'] += int64(len(line))
			return nil
		})
		for c, n := range count {
			total[c] += n
		}
		show(count, name)
		return err
	})
	if len(names) > 1 {
		show(total, "total")
	}
	return status
}

// translate is tr: SET1 SET2, -d SET deletes, -s squeezes repeats, -c takes the
// complement.
func translate(std *applet.IO, args []string) int {
	opts, sets, err := applet.Options("dscC", args)
	if err != nil {
		return std.Fail(err)
	}
	_, del := opts['d']
	_, squeeze := opts['s']
	_, complement := opts['c']
	if len(sets) == 0 || len(sets) < 2 && !del && !squeeze {
		return std.Usage("[-cds] SET1 [SET2]")
	}
	from := charSet(sets[0])
	if complement {
		in := map[byte]bool{}
		for _, c := range from {
			in[c] = true
		}
		from = from[:0:0]
		for c := range 256 {
			if !in[byte(c)] {
				from = append(from, byte(c))
			}
		}
	}
	var table [256]int
	for i := range table {
		table[i] = i
	}
	var to []byte
	if len(sets) > 1 {
		to = charSet(sets[1])
	}
	var squeezed [256]bool
	for i, c := range from {
		switch {
		case del:
			table[c] = -1
		case len(to) > 0:
			table[c] = int(to[min(i, len(to)-1)])
		}
	}
	for _, c := range to {
		squeezed[c] = squeeze
	}
	if len(to) == 0 {
		for _, c := range from {
			squeezed[c] = squeeze
		}
	}
	in := bufio.NewReader(std.In)
	out := bufio.NewWriter(std.Out)
	defer out.Flush()
	last := -1
	for {
		c, err := in.ReadByte()
		if errors.Is(err, io.EOF) {
			return 0
		}
		if err != nil {
			return std.Fail(err)
		}
		n := table[c]
		if n < 0 || n == last && squeezed[n] {
			continue
		}
		last = n
		if err := out.WriteByte(byte(n)); err != nil {
			return std.Fail(err)
		}
	}
}

var classes = map[string]string{
	"[:lower:]": "a-z", "[:upper:]": "A-Z", "[:digit:]": "0-9", "[:alpha:]": "A-Za-z", "[:alnum:]": "A-Za-z0-9",
	"[:space:]": " \t\n\v\f\r", "[:blank:]": " \t",
}

// charSet expands ranges, classes and escapes.
func charSet(s string) []byte {
	for class, chars := range classes {
		s = strings.ReplaceAll(s, class, chars)
	}
	var set []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			i++
			c = s[i]
			if at := strings.IndexByte("ntrfv0", c); at >= 0 {
				c = "\n\t\r\f\v\x00"[at]
			}
		} else if i+2 < len(s) && s[i+1] == '-' && s[i+2] >= c {
			for x := int(c); x <= int(s[i+2]); x++ {
				set = append(set, byte(x))
			}
			i += 2
			continue
		}
		set = append(set, c)
	}
	return set
}

// cut prints parts of lines: -d DELIMITER -f LIST, or -c LIST.
func cut(std *applet.IO, args []string) int {
	opts, names, err := applet.Options("d:f:c:s", args)
	if err != nil {
		return std.Fail(err)
	}
	list, byField := opts['f']
	if !byField {
		list = opts['c']
	}
	wanted, err := parseList(list)
	if err != nil {
		return std.Fail(err)
	}
	delimiter := opts['d']
	if delimiter == "" {
		delimiter = "\t"
	}
	if !byField {
		delimiter = ""
	}
	return each(std, names, func(_ string, r io.Reader) error {
		return lines(r, func(line []byte) error {
			s := strings.TrimSuffix(string(line), "\n")
			parts := strings.Split(s, delimiter)
			if byField && len(parts) == 1 {
				if _, only := opts['s']; !only {
					fmt.Fprintln(std.Out, s)
				}
				return nil
			}
			var kept []string
			for i, p := range parts {
				if wanted(i + 1) {
					kept = append(kept, p)
				}
			}
			_, err := fmt.Fprintln(std.Out, strings.Join(kept, delimiter))
			return err
		})
	})
}

// parseList takes "1,3-5,7-".
func parseList(list string) (func(int) bool, error) {
	type span struct{ from, to int }
	var spans []span
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(part, "-")
		s := span{1, 1 << 30}
		var err error
		if from != "" {
			s.from, err = strconv.Atoi(from)
		}
		switch {
		case err != nil, part == "" || part == "-":
			return nil, fmt.Errorf("%q is no list of numbers", list)
		case !isRange:
			s.to = s.from
		case to != "":
			if s.to, err = strconv.Atoi(to); err != nil {
				return nil, fmt.Errorf("%q is no list of numbers", list)
			}
		}
		spans = append(spans, s)
	}
	return func(n int) bool {
		for _, s := range spans {
			if n >= s.from && n <= s.to {
				return true
			}
		}
		return false
	}, nil
}
