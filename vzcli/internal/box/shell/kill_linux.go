package shell

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcli/internal/box/applet"
)

// Kill is the program kill: kill [-SIGNAL | -s SIGNAL | -l] PID...
func Kill(std *applet.IO, args []string) int { return kill(unix.Kill, std, args) }

func kill(send func(pid int, sig unix.Signal) error, std *applet.IO, args []string) int {
	sig := unix.SIGTERM
	if len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "--" {
		text := args[0][1:]
		args = args[1:]
		switch {
		case text == "l":
			for n := 1; n < 32; n++ {
				fmt.Fprintf(std.Out, "%2d) %s\n", n, signalName(unix.Signal(n)))
			}
			return 0
		case (text == "s" || text == "n") && len(args) > 0:
			text, args = args[0], args[1:]
		}
		var err error
		if sig, err = parseSignal(text); err != nil {
			return std.Fail(err)
		}
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return std.Usage("[-SIGNAL | -s SIGNAL | -l] PID...")
	}
	status := 0
	for _, arg := range args {
		pid, err := strconv.Atoi(arg)
		if err != nil {
			err = errors.New("no process id")
		} else {
			err = send(pid, sig)
		}
		if err != nil {
			status = std.Fail(fmt.Errorf("%s: %w", arg, err))
		}
	}
	return status
}
