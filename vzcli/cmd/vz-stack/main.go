// Command vz-stack runs Compose projects; people call it as vz stack or vz
// compose.
package main

import (
	"os"
	"runtime/debug"

	"vz.internal/vzcli/internal/cli"
	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/command/stack"
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // half of the time of parsing is collecting what lives for milliseconds
	}
	os.Exit(cli.Run(stack.Program(), os.Args[1:], command.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
