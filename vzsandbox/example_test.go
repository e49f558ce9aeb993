package vzsandbox_test

import (
	"context"
	"fmt"
	"os"

	"vz.internal/vzcontract/fake"
	"vz.internal/vzsandbox"
)

// A program gets a place to run others in, on any backend.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "sandboxes")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	host, err := vzsandbox.New(fake.New(), vzsandbox.Options{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := host.Create(ctx, vzsandbox.Template{Image: fake.Builtin}, vzsandbox.CreateOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Remove(ctx)
	if err := s.WriteFile(ctx, "script.sh", []byte("echo it runs in $(pwd); exit 3\n"), 0o644); err != nil {
		fmt.Println(err)
		return
	}
	r, err := s.Run(ctx, vzsandbox.Command{Args: []string{"sh", "script.sh"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%sexit code %d\n", r.Stdout, r.Exit.Code)
	// Output:
	// it runs in /workspace
	// exit code 3
}
