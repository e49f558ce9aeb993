package box

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"vz.internal/vzcli/internal/box/applet"
	"vz.internal/vzcli/internal/box/files"
	"vz.internal/vzcli/internal/box/shell"
	"vz.internal/vzcli/internal/box/system"
	"vz.internal/vzcli/internal/box/text"
	"vz.internal/vzcli/internal/box/web"
)

const name = "vz-box"

// programs returns all programs by name.
func programs() map[string]applet.Program {
	all := map[string]applet.Program{"sh": shell.Main, "kill": shell.Kill}
	for _, builtin := range []string{"[", "echo", "printf", "test"} {
		all[builtin] = shell.Builtin(builtin)
	}
	for _, more := range []map[string]applet.Program{files.Programs(), text.Programs(), system.Programs(), web.Programs()} {
		maps.Copy(all, more)
	}
	return all
}

// Names returns the names of all programs, sorted.
func Names() []string { return slices.Sorted(maps.Keys(programs())) }

// unbuffered programs answer before they end, or leave by exec.
var unbuffered = map[string]bool{
	"sh": true, "cat": true, "httpd": true, "nc": true, "wget": true, "env": true, "tee": true, "xargs": true, "timeout": true, "tar": true,
}

// Main runs the program that args[0], or for vz-box itself args[1], names and
// returns the exit status.
func Main(args []string) int {
	shell.KeepAlive()
	called := filepath.Base(args[0])
	args = args[1:]
	if called == name {
		if len(args) == 0 {
			for _, n := range Names() {
				fmt.Println(n)
			}
			return 0
		}
		called, args = filepath.Base(args[0]), args[1:]
	}
	if len(called) > 1 && called[0] == '-' {
		called = called[1:] // a login shell
	}
	run, ok := programs()[called]
	if !ok {
		fmt.Fprintf(os.Stderr, "%s: no program %q\n", name, called)
		return 127
	}
	std := &applet.IO{Name: called, In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	if unbuffered[called] {
		return run(std, args)
	}
	return buffered(run, std, args)
}

func buffered(run applet.Program, std *applet.IO, args []string) int {
	out := bufio.NewWriterSize(std.Out, 64<<10)
	std.Out = out
	status := run(std, args)
	if err := out.Flush(); err != nil && status == 0 {
		std.Out = io.Discard
		return std.Fail(fmt.Errorf("write: %w", err))
	}
	return status
}
