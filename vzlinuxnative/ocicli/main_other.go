//go:build !linux

package ocicli

import (
	"fmt"
	"os"
)

func run([]string) int {
	fmt.Fprintln(os.Stderr, "vz oci: containers need Linux")
	return 1
}
