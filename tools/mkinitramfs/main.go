// Command mkinitramfs makes the bundle that a Linux guest of vz boots from: the
// kernel that kernel/kernel.sh has built, an initramfs with the guest agent as its
// only program, and version.json. Equal inputs give equal bytes.
//
//	go run ./mkinitramfs -kernel DIR -o DIR [-light]
package main

import (
	"context"
	_ "embed" // the manual
	"flag"
	"fmt"
	"os"
	"os/signal"

	"vz.internal/tools/internal/guestbundle"
	"vz.internal/tools/internal/manual"
	"vz.internal/tools/internal/workspace"
)

//go:embed main.go
var source string

func main() {
	var spec guestbundle.Spec
	flag.StringVar(&spec.Kernel, "kernel", "", "`directory` that kernel.sh has made")
	flag.StringVar(&spec.Dir, "o", "", "`directory` of the result")
	flag.StringVar(&spec.Agent, "agent", "", "a built guest agent; without it one is built")
	flag.BoolVar(&spec.Light, "light", false, "build the agent without containers; of a built one, say that it runs none")
	manual.ForFlags(source)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, spec); err != nil {
		fmt.Fprintln(os.Stderr, "mkinitramfs:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, spec guestbundle.Spec) error {
	if spec.Kernel == "" || spec.Dir == "" {
		return fmt.Errorf("-kernel and -o are needed")
	}
	if spec.Agent == "" {
		var err error
		if spec.Root, err = workspace.Find("."); err != nil {
			return err
		}
	}
	return guestbundle.Build(ctx, spec)
}
