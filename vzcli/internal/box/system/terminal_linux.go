package system

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"vz.internal/vzcli/internal/box/applet"
)

// tty names the terminal at standard input.
func tty(std *applet.IO, _ []string) int {
	if _, err := unix.IoctlGetTermios(0, unix.TCGETS); err != nil {
		fmt.Fprintln(std.Out, "not a tty")
		return 1
	}
	name, err := os.Readlink("/proc/self/fd/0")
	if err != nil {
		return std.Fail(err)
	}
	fmt.Fprintln(std.Out, name)
	return 0
}

// stty knows "size", "rows N", "cols N", "[-]echo", "raw", "sane" and "-a".
func stty(std *applet.IO, args []string) int {
	t, err := unix.IoctlGetTermios(0, unix.TCGETS)
	if err != nil {
		return std.Fail(fmt.Errorf("standard input: %w", err))
	}
	size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
	if err != nil {
		return std.Fail(err)
	}
	for i := 0; i < len(args); i++ {
		switch a := args[i]; a {
		case "size":
			fmt.Fprintf(std.Out, "%d %d\n", size.Row, size.Col)
			continue
		case "rows", "cols", "columns":
			if i++; i == len(args) {
				return std.Usage("size | rows N | cols N | [-]echo | raw | sane | -a")
			}
			n, err := strconv.ParseUint(args[i], 10, 16)
			if err != nil {
				return std.Fail(fmt.Errorf("%s: no size", args[i]))
			}
			if a == "rows" {
				size.Row = uint16(n)
			} else {
				size.Col = uint16(n)
			}
			err = unix.IoctlSetWinsize(0, unix.TIOCSWINSZ, size)
			if err != nil {
				return std.Fail(err)
			}
			continue
		case "-a":
			fmt.Fprintf(std.Out, "rows %d; columns %d;\n%secho %sicanon %sisig\n", size.Row, size.Col,
				minus(t.Lflag&unix.ECHO), minus(t.Lflag&unix.ICANON), minus(t.Lflag&unix.ISIG))
			continue
		case "echo":
			t.Lflag |= unix.ECHO
		case "-echo":
			t.Lflag &^= unix.ECHO
		case "raw", "-cooked":
			t.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG | unix.IEXTEN
			t.Iflag &^= unix.ICRNL | unix.IXON
			t.Oflag &^= unix.OPOST
		case "sane", "cooked", "-raw":
			t.Lflag |= unix.ECHO | unix.ECHOE | unix.ICANON | unix.ISIG | unix.IEXTEN
			t.Iflag |= unix.ICRNL | unix.IXON
			t.Oflag |= unix.OPOST | unix.ONLCR
		default:
			return std.Fail(fmt.Errorf("%s is not supported", a))
		}
		if err := unix.IoctlSetTermios(0, unix.TCSETSW, t); err != nil {
			return std.Fail(err)
		}
	}
	return 0
}

func minus(flag uint32) string {
	if flag == 0 {
		return "-"
	}
	return ""
}
