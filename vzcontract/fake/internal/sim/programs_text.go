package sim

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"vz.internal/vzcontract/fake/internal/tree"
)

func runEcho(p *Process) int {
	args, end := p.Args[1:], "\n"
	for len(args) > 0 && (args[0] == "-n" || args[0] == "-e") {
		if args[0] == "-n" {
			end = ""
		}
		args = args[1:]
	}
	return boolStatus(p.print("%s%s", strings.Join(args, " "), end))
}

func runPrintf(p *Process) int {
	if len(p.Args) < 2 {
		p.errorf("printf: usage: printf FORMAT [ARG]...")
		return 1
	}
	format, args := p.Args[1], p.Args[2:]
	for {
		out, rest := printfOnce(format, args)
		if !p.print("%s", out) {
			return 1
		}
		if len(rest) == 0 || len(rest) == len(args) {
			return 0
		}
		args = rest
	}
}

func printfOnce(format string, args []string) (string, []string) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		two := format[i:min(i+2, len(format))]
		switch two {
		case `\n`, `\t`, `\r`, `\\`:
			b.WriteByte(map[string]byte{`\n`: '\n', `\t`: '\t', `\r`: '\r', `\\`: '\\'}[two])
			i++
		case "%%":
			b.WriteByte('%')
			i++
		case "%s", "%d":
			i++
			if len(args) > 0 {
				b.WriteString(args[0])
				args = args[1:]
			} else if two == "%d" {
				b.WriteByte('0')
			}
		default:
			b.WriteByte(format[i])
		}
	}
	return b.String(), args
}

func runCat(p *Process) int { return p.eachInput(p.Args[1:], p.copyTo) }

// eachInput opens the named files, or takes stdin, one after the other.
func (p *Process) eachInput(names []string, do func(File) error) int {
	if len(names) == 0 {
		names = []string{"-"}
	}
	status := 0
	for _, name := range names {
		f, err := p.open(name)
		if err == nil {
			err = do(f)
		}
		if err != nil {
			p.errorf("%s: can't open '%s': %s", p.Args[0], name, tree.Errno(err))
			status = 1
		}
		if p.ctx.Err() != nil {
			return status
		}
	}
	return status
}

func (p *Process) open(name string) (File, error) {
	switch name {
	case "-", "/dev/stdin":
		return p.stdin(), nil
	case "/dev/null":
		return Null, nil
	}
	return openRead(p.k.FS, p.abs(name))
}

func runHead(p *Process) int {
	args, lines, size := p.Args[1:], 10, -1
	for len(args) >= 2 && (args[0] == "-n" || args[0] == "-c") {
		n, err := strconv.Atoi(args[1])
		if err != nil {
			p.errorf("head: invalid number '%s'", args[1])
			return 1
		}
		if args[0] == "-c" {
			size = n
		} else {
			lines = n
		}
		args = args[2:]
	}
	return p.eachInput(args, func(f File) error {
		if size < 0 {
			for range lines {
				line, err := readLine(p, f)
				if !p.print("%s", line) || err != nil {
					return nil //nolint:nilerr // the end of input is no failure
				}
			}
			return nil
		}
		buf := make([]byte, pipeSize)
		for size > 0 {
			n, err := p.get(f, buf[:min(size, len(buf))])
			size -= n
			if n > 0 && !p.put(buf[:n]) || err != nil {
				return nil //nolint:nilerr // the end of input is no failure
			}
		}
		return nil
	})
}

func runWc(p *Process) int {
	args, flag := p.Args[1:], ""
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		flag, args = args[0], args[1:]
	}
	return p.eachInput(args, func(f File) error {
		lines, words, size, inWord := 0, 0, 0, false
		buf := make([]byte, pipeSize)
		for {
			n, err := p.get(f, buf)
			lines, size = lines+bytes.Count(buf[:n], []byte("\n")), size+n
			for _, c := range buf[:n] {
				space := unicode.IsSpace(rune(c))
				if !space && !inWord {
					words++
				}
				inWord = !space
			}
			if err != nil {
				break
			}
		}
		switch flag {
		case "-c":
			p.print("%d\n", size)
		case "-l":
			p.print("%d\n", lines)
		case "-w":
			p.print("%d\n", words)
		default:
			p.print("%9d %9d %9d\n", lines, words, size)
		}
		return nil
	})
}

func runGrep(p *Process) int {
	args, quiet, count := p.Args[1:], false, false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		quiet, count = quiet || strings.Contains(args[0], "q"), count || strings.Contains(args[0], "c")
		args = args[1:]
	}
	if len(args) == 0 {
		p.errorf("grep: usage: grep [-qc] TEXT [FILE]...")
		return 2
	}
	matches := 0
	status := p.eachInput(args[1:], func(f File) error {
		all, err := readAll(p, f)
		for line := range bytes.Lines(all) {
			if !bytes.Contains(line, []byte(strings.Trim(args[0], "^$"))) {
				continue
			}
			matches++
			if !quiet && !count {
				p.put(line)
			}
		}
		return err
	})
	if count {
		p.print("%d\n", matches)
	}
	if status != 0 {
		return 2
	}
	return boolStatus(matches > 0)
}

func runTee(p *Process) int {
	var outs []File
	for _, name := range p.Args[1:] {
		f, err := openWrite(p.k.FS, p.abs(name), false)
		if err != nil {
			p.errorf("tee: %s: %s", name, tree.Errno(err))
			return 1
		}
		outs = append(outs, f)
	}
	buf := make([]byte, pipeSize)
	for {
		n, err := p.get(p.stdin(), buf)
		for _, f := range outs {
			if _, err := f.Write(p.ctx.Done(), buf[:n]); err != nil {
				p.errorf("tee: %s", tree.Errno(err))
				return 1
			}
		}
		if n > 0 && !p.put(buf[:n]) || err != nil {
			return 0
		}
	}
}

func runSeq(p *Process) int {
	first, step, last := 1, 1, 0
	var numbers []int
	for _, arg := range p.Args[1:] {
		n, err := strconv.Atoi(arg)
		if err != nil {
			p.errorf("seq: invalid number '%s'", arg)
			return 1
		}
		numbers = append(numbers, n)
	}
	switch len(numbers) {
	case 1:
		last = numbers[0]
	case 2:
		first, last = numbers[0], numbers[1]
	case 3:
		first, step, last = numbers[0], numbers[1], numbers[2]
	}
	if len(numbers) == 0 || len(numbers) > 3 || step <= 0 {
		p.errorf("seq: usage: seq [FIRST [STEP]] LAST")
		return 1
	}
	var b bytes.Buffer
	for n := first; n <= last; n += step {
		fmt.Fprintln(&b, n)
		if b.Len() > pipeSize {
			if !p.put(b.Bytes()) {
				return 1
			}
			b.Reset()
		}
	}
	return boolStatus(p.put(b.Bytes()))
}

func runYes(p *Process) int {
	text := "y"
	if len(p.Args) > 1 {
		text = strings.Join(p.Args[1:], " ")
	}
	for p.print("%s\n", text) {
	}
	return 1
}

func runSleep(p *Process) int {
	d, err := SleepTime(p.Args)
	if err != nil {
		p.errorf("sleep: %v", err)
		return 1
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	p.blocked(func() {
		select {
		case <-timer.C:
		case <-p.ctx.Done():
		}
	})
	return 0
}

// SleepTime returns how long a call of sleep takes.
func SleepTime(args []string) (time.Duration, error) {
	if len(args) < 2 {
		return 0, fmt.Errorf("missing operand")
	}
	var total time.Duration
	for _, arg := range args[1:] {
		if arg == "infinity" || arg == "inf" {
			return 1<<63 - 1, nil
		}
		if _, err := strconv.ParseFloat(arg, 64); err == nil {
			arg += "s"
		}
		if days, ok := strings.CutSuffix(arg, "d"); ok {
			n, err := strconv.ParseFloat(days, 64)
			if err != nil {
				return 0, fmt.Errorf("invalid number '%s'", arg)
			}
			total += time.Duration(n * 24 * float64(time.Hour))
			continue
		}
		d, err := time.ParseDuration(arg)
		if err != nil || d < 0 {
			return 0, fmt.Errorf("invalid number '%s'", arg)
		}
		total += d
	}
	return total, nil
}
