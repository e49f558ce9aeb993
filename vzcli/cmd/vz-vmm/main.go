// Command vz-vmm runs one virtual machine for vz vm, which starts it: it owns the
// machine from its start to its end. A line on descriptor 3 says when the guest can
// be used, or why it can not: "ok" or an error.
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
)

func main() {
	var opts vmm.Options
	flag.StringVar(&opts.Registry.Home, "home", "", "state `directory`")
	flag.StringVar(&opts.Registry.Run, "run", "", "runtime `directory`")
	flag.StringVar(&opts.Restore, "restore", "", "`directory` of a saved state to start from")
	flag.BoolVar(&opts.Renew, "renew", false, "with -restore: become another machine than the one that was saved")
	flag.Parse()
	if flag.NArg() != 1 || opts.Registry.Home == "" || opts.Registry.Run == "" {
		fmt.Fprintln(os.Stderr, "usage: vz-vmm -home DIR -run DIR [-restore DIR [-renew]] NAME")
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
	if err := vmm.Run(ctx, opts); err != nil {
		tell(strings.ReplaceAll(err.Error(), "\n", "; "))
		fmt.Fprintln(os.Stderr, "vz-vmm:", err)
		os.Exit(1)
	}
}
