package text

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"vz.internal/vzcli/internal/box/applet"
)

// oldStyle turns "-5" into "-n 5".
func oldStyle(args []string) []string {
	if len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && args[0][1] >= '0' && args[0][1] <= '9' {
		return append([]string{"-n", args[0][1:]}, args[1:]...)
	}
	return args
}

var errEnough = errors.New("enough")

// head prints the start: -n LINES or -c BYTES; 10 lines by default.
func head(std *applet.IO, args []string) int {
	opts, names, err := applet.Options("n:c:q", oldStyle(args))
	if err != nil {
		return std.Fail(err)
	}
	count, isBytes, err := amount(opts)
	if err != nil {
		return std.Fail(err)
	}
	return each(std, names, func(name string, r io.Reader) error {
		title(std, names, name)
		if isBytes {
			_, err := io.CopyN(std.Out, r, count)
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		left := count
		if left <= 0 {
			return nil
		}
		err := lines(r, func(line []byte) error {
			_, err := std.Out.Write(line)
			if left--; left == 0 && err == nil {
				return errEnough
			}
			return err
		})
		if errors.Is(err, errEnough) {
			return nil
		}
		return err
	})
}

func title(std *applet.IO, names []string, name string) {
	if len(names) > 1 {
		fmt.Fprintf(std.Out, "==> %s <==\n", name)
	}
}

func amount(opts map[byte]string) (n int64, isBytes bool, err error) {
	text, isBytes := opts['c']
	if !isBytes {
		var ok bool
		if text, ok = opts['n']; !ok {
			return 10, false, nil
		}
	}
	n, err = strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, isBytes, fmt.Errorf("%s: no number", text)
	}
	return n, isBytes, nil
}

// tail prints the end: -n LINES ("+N" is from line N on), -c BYTES, -f goes on
// with what is appended.
func tail(std *applet.IO, args []string) int {
	opts, names, err := applet.Options("n:c:fq", oldStyle(args))
	if err != nil {
		return std.Fail(err)
	}
	from := strings.HasPrefix(opts['n'], "+")
	count, isBytes, err := amount(opts)
	if err != nil {
		return std.Fail(err)
	}
	_, follow := opts['f']
	count = max(count, -count)
	return each(std, names, func(name string, r io.Reader) error {
		title(std, names, name)
		var err error
		switch {
		case isBytes:
			err = lastBytes(std, r, count)
		case from:
			skip := count - 1
			err = lines(r, func(line []byte) error {
				if skip--; skip >= 0 {
					return nil
				}
				_, err := std.Out.Write(line)
				return err
			})
		default:
			err = lastLines(std, r, count)
		}
		if f, ok := r.(*os.File); ok && follow && err == nil {
			return goOn(std, f)
		}
		return err
	})
}

func lastLines(std *applet.IO, r io.Reader, count int64) error {
	var kept [][]byte
	err := lines(r, func(line []byte) error {
		if kept = append(kept, line); int64(len(kept)) > count {
			kept = kept[1:]
		}
		return nil
	})
	if err == nil {
		_, err = std.Out.Write(bytes.Join(kept, nil))
	}
	return err
}

func lastBytes(std *applet.IO, r io.Reader, count int64) error {
	var kept []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		kept = append(kept, buf[:n]...)
		if int64(len(kept)) > count {
			kept = kept[int64(len(kept))-count:]
		}
		if errors.Is(err, io.EOF) {
			_, err = std.Out.Write(kept)
			return err
		}
		if err != nil {
			return err
		}
	}
}

// goOn prints what is appended to a file, until a signal ends the program.
func goOn(std *applet.IO, f *os.File) error {
	for {
		if _, err := io.Copy(std.Out, f); err != nil {
			return err
		}
		if err := flush(std); err != nil {
			return err
		}
		<-time.After(100 * time.Millisecond) // files tell nobody that they grew
	}
}
