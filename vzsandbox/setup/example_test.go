package setup_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"vz.internal/vzcontract/fake"
	"vz.internal/vzsandbox/setup"
)

func ExampleImage() {
	dir, err := os.MkdirTemp("", "setup")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	backend, err := fake.Open(dir)
	if err != nil {
		panic(err)
	}
	defer backend.Close()
	for range 2 {
		ref, err := setup.Image(context.Background(), backend, setup.Request{
			Image: "vz:builtin", Commands: []string{"echo hello > /greeting"}, Locks: dir,
			Step: func(n int, command string) { fmt.Println("run", n, command) },
		})
		fmt.Println(strings.HasPrefix(ref, setup.Repository), err)
	}
	// Output:
	// run 1 echo hello > /greeting
	// true <nil>
	// true <nil>
}
