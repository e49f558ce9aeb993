// Command vz-vmm runs one virtual machine: of vz vm, by its name, or that of a
// container, by its id. Vz starts it, and it owns the machine from its start to its
// end. A line on descriptor 3 says when the guest can be used, or why it can not: "ok"
// or an error, which in the case of a container begins with its code.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"vz.internal/vzcli/internal/vmm"
	"vz.internal/vzcontract"
)

func main() {
	var opts vmm.Options
	flag.StringVar(&opts.Registry.Home, "home", "", "state `directory`")
	flag.StringVar(&opts.Registry.Run, "run", "", "runtime `directory`")
	flag.StringVar(&opts.Restore, "restore", "", "`directory` of a saved state to start from")
	flag.BoolVar(&opts.Renew, "renew", false, "with -restore: become another machine than the one that was saved")
	container := flag.Bool("container", false, "NAME is the id of a container's machine")
	flag.Parse()
	if flag.NArg() != 1 || opts.Registry.Home == "" || opts.Registry.Run == "" {
		fmt.Fprintln(os.Stderr, "usage: vz-vmm -home DIR -run DIR [-container | -restore DIR [-renew]] NAME")
		os.Exit(2)
	}
	opts.Name = flag.Arg(0)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	told := false
	tell := func(line string) {
		if !told {
			told = true
			f := os.NewFile(3, "ready")
			_, _ = fmt.Fprintln(f, line) // nobody may listen
			_ = f.Close()
		}
	}
	opts.Ready = func() { tell("ok") }
	run, prefix := vmm.Run, ""
	if *container {
		run = vmm.RunContainer
	}
	if err := run(ctx, opts); err != nil {
		if *container {
			prefix = string(vzcontract.CodeOf(err)) + " "
		}
		tell(prefix + strings.ReplaceAll(err.Error(), "\n", "; "))
		fmt.Fprintln(os.Stderr, "vz-vmm:", err)
		os.Exit(1)
	}
}
