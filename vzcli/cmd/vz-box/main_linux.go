// Command vz-box is a shell and the usual small programs in one static binary.
// It runs the one it is called as, or that its first argument names; the image
// vz:builtin consists of it.
package main

import (
	"os"

	"vz.internal/vzcli/internal/box"
)

func main() { os.Exit(box.Main(os.Args)) }
