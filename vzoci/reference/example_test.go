package reference_test

import (
	"fmt"

	"vz.internal/vzoci/reference"
)

// What people type is completed as docker does.
func ExampleParse() {
	for _, s := range []string{"debian:12", "ghcr.io/owner/app", "Two Words"} {
		r, err := reference.Parse(s)
		if err != nil {
			fmt.Println("refused:", s)
			continue
		}
		fmt.Println(r, "is", r.Familiar())
	}
	// Output:
	// docker.io/library/debian:12 is debian:12
	// ghcr.io/owner/app:latest is ghcr.io/owner/app:latest
	// refused: Two Words
}
